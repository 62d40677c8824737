"""Log-ins: at the mail host, and at the POP3 host before."""

from __future__ import annotations

from pydantic import SecretStr

from tests.bad_queues import hosts
from tests.bad_queues.case import EXIM, Case
from tests.bad_queues.hosts import PASSWORD, USER
from tests.bad_queues.site import Site

SET = "options.set"
AUTHENTICATION, ENCRYPTION = "sending.smtp.authentication", "sending.smtp.encryption"
HOST, PORT, USERNAME, PASS = (f"sending.smtp.{name}" for name in ("host", "port", "username", "password"))
POP = "sending.pop_before_smtp."

SUBMISSION = {PORT: 587, ENCRYPTION: "starttls", AUTHENTICATION: "basic", USERNAME: USER, PASS: SecretStr(PASSWORD)}
ACCOUNT = {AUTHENTICATION: "basic", USERNAME: USER, PASS: SecretStr(PASSWORD)}


def _pop(port: int, **more: object) -> dict[str, object]:
    known = {"enabled": True, "host": "127.0.0.1", "port": port, "encryption": "none", "username": USER}
    return {f"{POP}{name}": value for name, value in {**known, "password": SecretStr(PASSWORD), **more}.items()}


def _at_exim(site: Site, method: str, **more: object) -> None:
    site.change({HOST: "127.0.0.1", PORT: site.exim.ports[method], ENCRYPTION: "none", **more})


CASES = (
    Case(
        "the mail account's password is wrong",
        *("login_refused", "name and password", SET, USERNAME),
        "account entered anew",
        options={**SUBMISSION, PASS: SecretStr("wrong")},
        typed={USERNAME: USER, PASS: SecretStr(PASSWORD)},
    ),
    Case(
        "the mail account's name has a typing error",
        *("login_refused", "name and password", SET, USERNAME),
        "name corrected",
        options={**SUBMISSION, USERNAME: "adda"},
        typed={USERNAME: USER},
    ),
    Case(
        "the host lets log in only over an encrypted connection, and encryption is off",
        *("tls_required", "Encrypt", SET, ENCRYPTION),
        "encryption switched on",
        options={**ACCOUNT, HOST: "encrypted-login.test", ENCRYPTION: "none"},
    ),
    Case(
        "NTLM is chosen and the host offers CRAM-MD5 alone",
        *("login_not_offered", "authentication that the host offers", SET, AUTHENTICATION),
        "authentication changed",
        options={**ACCOUNT, AUTHENTICATION: "ntlm"},
        bring=lambda site: _at_exim(site, "CRAM-MD5"),
        typed={AUTHENTICATION: "basic"},
        arrives=EXIM,
    ),
    Case(
        "the host denies access without a log-in, which it offers",
        *("relaying_denied", "Log in to it", SET, AUTHENTICATION),
        "log-in entered",
        options={PORT: 587, ENCRYPTION: "starttls"},
        typed=ACCOUNT,
    ),
    Case(
        "the host takes mail only after a log-in, and there is none",
        *("relaying_denied", "Log in to it", SET, AUTHENTICATION),
        "log-in entered",
        bring=lambda site: _at_exim(site, "PLAIN"),
        typed=ACCOUNT,
        arrives=EXIM,
    ),
    Case(
        "the host relays to other domains only after a log-in, and there is none",
        *("relaying_denied", "Log in to it", SET, AUTHENTICATION),
        "log-in entered",
        options={HOST: "no-relay.test", ENCRYPTION: "none"},
        typed=ACCOUNT,
        to="ann@customer.test",
    ),
    Case(
        "POP before SMTP: the password is wrong",
        *("pop_refused", "POP account", SET, f"{POP}username"),
        "password corrected",
        bring=lambda site: site.change(_pop(site.dovecot.pop3, password=SecretStr("wrong"))),
        typed={f"{POP}username": USER, f"{POP}password": SecretStr(PASSWORD)},
    ),
    Case(
        "POP before SMTP: nothing listens at the port",
        *("pop_unreachable", "host and port", SET, f"{POP}host"),
        "POP before SMTP given up",
        says="connection refused",
        options=_pop(9),
        typed={f"{POP}host": None, f"{POP}enabled": False},
    ),
    Case(
        "POP before SMTP: the certificate is not for the name that is set",
        *("pop_untrusted", "the name the certificate was made for", SET, f"{POP}host"),
        "host by its name",
        bring=lambda site: site.change(_pop(site.dovecot.pop3, encryption="starttls")),
        typed={f"{POP}host": hosts.POP},
    ),
    Case(
        "POP before SMTP: TLS from the start is asked of a port that wants STARTTLS",
        *("pop_not_encrypted", "110: STARTTLS", SET, f"{POP}encryption"),
        "encryption changed",
        bring=lambda site: site.change(_pop(site.dovecot.pop3, host=hosts.POP, encryption="tls")),
        typed={f"{POP}encryption": "starttls"},
    ),
)

"""The server's own settings, the way to the relay, and its certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.bad_queues.case import SCRIPTED, Case
from tests.bad_queues.hosts import MUST_ENCRYPT, RELAY, SECURE
from tests.bad_queues.login_cases import ACCOUNT
from tests.bad_queues.site import Site
from tests.fakes.smtp_server import drop, first

HOST, PORT, PATIENCE = "sending.smtp.host", "sending.smtp.port", "sending.smtp.connect_timeout"
ENCRYPTION = "sending.smtp.encryption"
SET, REATTEMPT = "options.set", "mail.reattempt"
ELSEWHERE = "10.9.8.7"


def _closed_now() -> str:
    soon = datetime.now(UTC) + timedelta(hours=2)
    return f"daily {soon:%H:00}-{soon + timedelta(hours=1):%H:00} in UTC"


def _one_before(site: Site) -> None:
    """The limit is used up."""
    site.admin.mail.submit(b"Subject: first\r\n\r\nfirst\r\n", sender="", recipients=["bob@postfix.test"])


def _hold(site: Site, queue_id: str) -> None:
    site.admin.mail.hold(queue_id)
    site.change({"sending.paused": False})


def _bring_the_network_up(site: Site) -> None:
    site.net.add_address(ELSEWHERE)
    site.host(ELSEWHERE)


SETTINGS = (
    Case(
        "sending was paused and forgotten",
        *("paused", "Switch sending on", SET, "sending.paused"),
        "sending switched on",
        options={"sending.paused": True},
    ),
    Case(
        "no SMTP host is set",
        *("not_configured", "Enter the SMTP host", SET, HOST),
        "host entered",
        options={HOST: None},
        typed={HOST: RELAY},
    ),
    Case(
        "the sending schedule is closed now",
        *("outside_schedule", "change the sending schedule", SET, "sending.timing.schedule"),
        "schedule emptied",
        is_patient=True,
        options={"sending.timing.schedule": _closed_now()},
    ),
    Case(
        "one message a minute, and it has left",
        *("over_the_limit", "raise the limit", SET, "sending.timing.messages_per_minute"),
        "limit lifted",
        is_patient=True,
        options={"sending.timing.messages_per_minute": 1},
        bring=_one_before,
    ),
    Case(
        "somebody put the mail on hold",
        *("held", "Release it", "mail.release", ""),
        "released",
        options={"sending.paused": True},
        then=_hold,
    ),
)

WAY = (
    Case(
        "the SMTP host's name has a typing error",
        *("host_name_unknown", "Check the spelling", SET, HOST),
        "host corrected",
        options={HOST: "rellay.test"},
        typed={HOST: RELAY},
    ),
    Case(
        "the server machine's DNS fails",
        *("dns_down", "check the DNS", REATTEMPT, ""),
        "DNS mended, reattempted",
        bring=lambda site: site.dns.broken.add(RELAY),
        mend=lambda site: site.dns.broken.clear(),
    ),
    Case(
        "a port at which nothing listens",
        *("host_unreachable", "are host and port right", SET, HOST),
        "port corrected",
        says="connection refused",
        options={PORT: 2525},
        typed={HOST: RELAY, PORT: 25},
    ),
    Case(
        "the server machine has no way into the mail host's network",
        *("network_down", "network and routes", REATTEMPT, ""),
        "network up again, reattempted",
        options={HOST: ELSEWHERE},
        mend=_bring_the_network_up,
        arrives=SCRIPTED,
    ),
    Case(
        "the mail host is stopped",
        *("host_unreachable", "Is the mail host running", SET, HOST),
        "host started again, reattempted",
        options={HOST: "dropping.test"},
        mend=lambda site: site.host("dropping.test"),
        arrives=SCRIPTED,
    ),
    Case(
        "the mail host takes the connection and says nothing",
        *("host_unreachable", "Is the mail host running", SET, HOST),
        "another host entered",
        says="did not greet",
        options={HOST: "silent.test", PATIENCE: 1},
        bring=lambda site: site.listen("silent.test"),
        typed={HOST: RELAY, PATIENCE: 10},
    ),
    Case(
        "STARTTLS is asked of a port that wants TLS from the start",
        *("port_wants_tls", "Encrypt from the start", SET, ENCRYPTION),
        "encryption changed",
        options={**ACCOUNT, PORT: 465, ENCRYPTION: "starttls", PATIENCE: 1},
    ),
    Case(
        "TLS from the start is asked of a port that wants STARTTLS",
        *("tls_not_possible", "587: STARTTLS", SET, ENCRYPTION),
        "encryption changed",
        options={HOST: SECURE, ENCRYPTION: "tls"},
        typed={ENCRYPTION: "starttls"},
    ),
    Case(
        "STARTTLS is required and the host offers none",
        *("tls_not_possible", "Choose the encryption", SET, ENCRYPTION),
        "encryption where it is offered",
        options={ENCRYPTION: "starttls"},
        typed={ENCRYPTION: "starttls-if-offered"},
    ),
    Case(
        "the host takes nothing unencrypted, and encryption is off",
        *("tls_required", "Encrypt", SET, ENCRYPTION),
        "encryption switched on",
        options={HOST: MUST_ENCRYPT, ENCRYPTION: "none"},
    ),
    Case(
        "the port belongs to a POP3 server",
        *("not_a_mail_host", "Is the port right", SET, PORT),
        "port corrected",
        options={HOST: "127.0.0.1"},
        bring=lambda site: site.change({PORT: site.dovecot.pop3}),
        typed={HOST: RELAY, PORT: 25},
    ),
    Case(
        "the host hangs up after the final dot, once",
        *("may_have_arrived", "the recipient may get it twice", REATTEMPT, ""),
        "reattempted",
        options={HOST: "dropping.test"},
        bring=lambda site: site.host("dropping.test", dot=first(1, drop())),
        arrives=SCRIPTED,
    ),
    Case(
        "the host closes for maintenance in the middle of the conversation",
        *("host_trouble", "host's administrator", REATTEMPT, ""),
        "host up again, reattempted",
        is_patient=True,
        options={HOST: "dropping.test"},
        bring=lambda site: site.host("dropping.test", mail=first(1, drop("421 4.3.2 shutting down"))),
        arrives=SCRIPTED,
    ),
)


def _certificate(broken: str, host: str, says: str) -> Case:
    return Case(
        broken,
        *("tls_untrusted", "compare its fingerprint", "trust.add", ""),
        "certificate trusted",
        says=says,
        options={HOST: host, ENCRYPTION: "starttls"},
    )


CERTIFICATES = (
    _certificate("the certificate is self-signed", "self-signed.test", "self-signed"),
    _certificate("the certificate has expired", "expired.test", "expired"),
    _certificate("the certificate is for another name", "wrong-name.test", "another"),
    _certificate("the certificate's authority is unknown", "stranger.test", "issuer"),
)
CASES = (*SETTINGS, *WAY, *CERTIFICATES)

"""Every way to log in over every encryption, through a running server, at real mail hosts; NTLM at a stand-in.

``python -m tests.sending_table`` runs this and prints a table: method × encryption × authentication → peer → result.
Each port of the real hosts offers a single method, and takes nothing from who has not logged in.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp
from tests.fakes.token_endpoint import TokenEndpoint
from tests.peers import dovecot as dovecot_peer
from tests.peers import exim as exim_peer
from tests.peers import postfix as postfix_peer
from tests.peers import submission as submission_peer
from tests.peers.dovecot import Dovecot
from tests.peers.exim import Exim
from tests.peers.submission import Submission
from tests.ports import wait_until
from tests.running import RunningServer

pytestmark = pytest.mark.peers

USER = "ada"
PASSWORD = "pass word/9+ä"
DOMAIN = postfix_peer.DOMAIN
MAIL = b"From: ada@%b\r\nTo: bob@%b\r\nSubject: %b\r\nMessage-ID: <%b@trackkit.test>\r\n\r\n%b\r\n"

ENCRYPTIONS = ("none", "starttls", "starttls-if-offered", "tls")
AUTHENTICATION = {"anonymous": "anonymous", "NTLM": "ntlm", "XOAUTH2": "oauth2"}
"""The option by the method; the others are basic."""

POSTFIX, EXIM, STAND_IN = "Postfix + Dovecot SASL", "Exim", "scripted host + pyspnego's acceptor"
PEERS: Mapping[str, tuple[str, ...]] = {
    POSTFIX: submission_peer.METHODS,
    EXIM: exim_peer.METHODS,
    STAND_IN: ("NTLM",),
}


@dataclass(frozen=True)
class Cell:
    """A row of the table."""

    peer: str
    encryption: str
    authentication: str
    method: str = "smtp"

    @property
    def name(self) -> str:
        return f"{self.method} | {self.encryption} | {self.authentication} | {self.peer}"


CELLS = [Cell(peer, encryption, method) for peer, ms in PEERS.items() for method in ms for encryption in ENCRYPTIONS]


@dataclass(frozen=True)
class Site:
    """The server and its peers."""

    server: RunningServer
    dovecot: Dovecot
    postfix: Submission
    exim: Exim
    provider: TokenEndpoint
    tls: ssl.SSLContext


def _pem(cert: trustme.LeafCert) -> bytes:
    return cert.private_key_pem.bytes() + b"".join(chain.bytes() for chain in cert.cert_chain_pems)


@pytest.fixture(scope="module")
def site(start_for_module: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All peers, and a server that trusts their certificates."""
    for reason in (postfix_peer.missing(), dovecot_peer.missing(), exim_peer.missing()):
        if reason:
            pytest.skip(reason)
    authority = trustme.CA()
    cert = authority.issue_cert("127.0.0.1")
    trusted: Path = tmp_path_factory.mktemp("trusted") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(tls)
    accounts = {USER: PASSWORD}
    with ExitStack() as afterwards:
        provider = afterwards.enter_context(TokenEndpoint(user=USER))
        dovecot = dovecot_peer.start(accounts, _pem(cert), provider.url)
        afterwards.callback(dovecot.stop)
        postfix = submission_peer.start(dovecot, _pem(cert))
        afterwards.callback(postfix.postfix.stop)
        exim = exim_peer.start(accounts, _pem(cert))
        afterwards.callback(exim.stop)
        server = start_for_module(environment={"SSL_CERT_FILE": str(trusted)})
        yield Site(server, dovecot, postfix, exim, provider, tls)


def options_for(cell: Cell, port: int, provider: TokenEndpoint) -> dict[str, object]:
    """What an administrator sets for it; everything else of a log-in is removed."""
    authentication = AUTHENTICATION.get(cell.authentication, "basic")
    with_password = authentication in ("basic", "ntlm")
    by_token = authentication == "oauth2"
    return {
        "sending.method": cell.method,
        "sending.smtp.host": "127.0.0.1",
        "sending.smtp.port": port,
        "sending.smtp.encryption": cell.encryption,
        "sending.smtp.authentication": authentication,
        "sending.smtp.username": None if authentication == "anonymous" else USER,
        "sending.smtp.password": SecretStr(PASSWORD) if with_password else None,
        "sending.oauth2.token_url": provider.url if by_token else None,
        "sending.oauth2.client_id": provider.client_id if by_token else None,
        "sending.oauth2.refresh_token": SecretStr(provider.refresh_token) if by_token else None,
        "sending.pop_before_smtp.enabled": False,
    }


def send(server: RunningServer, options: Mapping[str, object], subject: bytes) -> str:
    """Set the options, hand over a mail; its queue id."""
    server.admin.options.set(options)
    domain = DOMAIN.encode()
    raw = MAIL % (domain, domain, subject, subject, b"hello from " + subject)
    return server.admin.mail.submit(raw, sender=f"ada@{DOMAIN}", recipients=[f"bob@{DOMAIN}"]).queue_id


def has_left(server: RunningServer, queue_id: str) -> bool:
    """Whether a mail is not in the queue any more; if it is stuck there, the failure says why."""
    found = [message for message in server.admin.mail.list().messages if message.queue_id == queue_id]
    if found and found[0].attempts:
        detail = server.admin.mail.show(queue_id)
        server.admin.mail.delete(queue_id)
        raise AssertionError(f"{detail.recipients[0].diagnosis.words}\n{detail.conversation}")
    return not found


@pytest.mark.spec("7: SMTP: none, STARTTLS, STARTTLS if offered, TLS from the start, with each way to log in")
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_mail_arrives(site: Site, cell: Cell) -> None:
    subject = re.sub(r"\W+", "-", cell.name).encode()
    text = b"hello from " + subject
    if cell.peer == STAND_IN:
        stands_in(site, cell, subject)
        return
    peer: Submission | Exim = site.postfix if cell.peer == POSTFIX else site.exim
    port = (peer.tls_ports if cell.encryption == "tls" else peer.ports)[cell.authentication]
    queue_id = send(site.server, options_for(cell, port, site.provider), subject)
    wait_until(partial(has_left, site.server, queue_id), what="the mail leaving")
    taken = wait_until(partial(peer.taken, text), what="the mail arriving")
    logged_in = "Authenticated sender: ada" in taken or "-auth_id ada" in taken
    assert logged_in == (cell.authentication != "anonymous"), taken
    encrypted = "using TLSv1" in taken or "-tls_ver TLSv1" in taken or "-tls_ver TLS1" in taken
    assert encrypted == (cell.encryption != "none"), taken


def stands_in(site: Site, cell: Cell, subject: bytes) -> None:
    """Where no mail host of this system knows the method."""
    with ScriptedSmtp(
        extensions=("STARTTLS", "AUTH NTLM"), tls=site.tls, implicit=cell.encryption == "tls", accounts={USER: PASSWORD}
    ) as host:
        queue_id = send(site.server, options_for(cell, host.port, site.provider), subject)
        wait_until(partial(has_left, site.server, queue_id), what="the mail leaving")
        assert len(host.messages) == 1
        assert len(host.said("AUTH NTLM")) == 1
        assert len(host.said("STARTTLS")) == cell.encryption.startswith("starttls")


@pytest.mark.spec("7: POP before SMTP: the server logs in first; nothing is downloaded or deleted there")
@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_pop_before_smtp(site: Site, encryption: str) -> None:
    letters = [b"Subject: one\r\n\r\none\r\n", b"Subject: two\r\n\r\ntwo\r\n"]
    if not site.dovecot.mails(USER):
        for letter in letters:
            site.dovecot.put(USER, letter)
    before = len(logged_out(site))
    subject = f"pop-{encryption}".encode()
    pop = {
        "enabled": True,
        "host": "127.0.0.1",
        "port": site.dovecot.pop3s if encryption == "tls" else site.dovecot.pop3,
        "encryption": encryption,
        "username": USER,
        "password": SecretStr(PASSWORD),
    }
    options = options_for(Cell(POSTFIX, "starttls", "anonymous"), site.postfix.ports["anonymous"], site.provider)
    named = {f"sending.pop_before_smtp.{name}": value for name, value in pop.items()}
    queue_id = send(site.server, {**options, **named}, subject)
    wait_until(partial(has_left, site.server, queue_id), what="the mail leaving")
    assert wait_until(partial(site.postfix.taken, b"hello from " + subject))
    (line,) = wait_until(lambda: logged_out(site)[before:], what="the log-out")
    assert "top=0/0, retr=0/0, del=0/2" in line
    assert sorted(site.dovecot.mails(USER)) == letters
    last = [line for line in site.dovecot.log().splitlines() if "Login: user=<ada>" in line][-1]
    assert (", TLS" in last) == (encryption != "none")


def logged_out(site: Site) -> list[str]:
    return [line for line in site.dovecot.log().splitlines() if "Disconnected: Logged out" in line]


WRONG = {
    "basic": ("PLAIN", {"sending.smtp.password": SecretStr("wrong")}, "login_refused"),
    "anonymous where a log-in is wanted": ("PLAIN", {"sending.smtp.authentication": "anonymous"}, "relaying_denied"),
    "oauth2, consent over": ("XOAUTH2", {"sending.oauth2.refresh_token": SecretStr("old")}, "token_refused"),
    "oauth2, another mailbox": ("XOAUTH2", {"sending.smtp.username": "eve"}, "token_not_taken"),
    "oauth2 where none is offered": ("CRAM-MD5", {"sending.smtp.authentication": "oauth2"}, "login_not_offered"),
    "basic where none is offered": ("XOAUTH2", {"sending.smtp.authentication": "basic"}, "login_not_offered"),
    "pop": ("anonymous", {"sending.pop_before_smtp.password": SecretStr("wrong")}, "pop_refused"),
}


@pytest.mark.spec("7: SMTP: a log-in that fails is told with what to do")
@pytest.mark.parametrize("case", WRONG)
def test_a_log_in_that_fails_says_what_to_do(site: Site, case: str) -> None:
    offered, changes, cause = WRONG[case]
    by_token = options_for(Cell(POSTFIX, "starttls", "XOAUTH2"), 1, site.provider)
    everything = {**by_token, **options_for(Cell(POSTFIX, "starttls", offered), 1, site.provider)}
    if "oauth2" in case or "oauth2" in changes.values():
        everything |= {name: value for name, value in by_token.items() if "oauth2" in name}
    if cause == "pop_refused":
        pop = {"enabled": True, "host": "127.0.0.1", "port": site.dovecot.pop3, "encryption": "starttls"}
        everything |= {f"sending.pop_before_smtp.{name}": value for name, value in pop.items()}
        everything["sending.pop_before_smtp.username"] = USER
    everything |= {"sending.smtp.username": USER, "sending.smtp.password": SecretStr(PASSWORD)}
    queue_id = send(
        site.server,
        {**everything, "sending.smtp.port": site.postfix.ports[offered], **changes},
        f"wrong-{offered}".encode(),
    )
    mail = site.server.admin.mail
    detail = wait_until(lambda: (d := mail.show(queue_id)).message.attempts and d, what="an attempt")
    mail.delete(queue_id)
    assert detail.recipients[0].diagnosis.cause == cause, detail.conversation
    assert detail.recipients[0].diagnosis.next_step
    shown = detail.conversation + detail.recipients[0].send_error
    assert not [secret for secret in (PASSWORD, "wrong", site.provider.refresh_token) if secret in shown]

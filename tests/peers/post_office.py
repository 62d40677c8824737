"""Mailboxes as an organisation has them: a real Postfix delivers into the mailboxes of a real Dovecot.

Mail to ``name@postfix.test`` and, because Postfix knows subaddressing, to ``name+anything@postfix.test`` lies in the
mailbox ``name``, from which POP3 fetches it. Names that are no mailbox are refused at RCPT. Mail to the domains `GONE`
and `FULL` is taken, refused by their host, and comes back as a report of Postfix: another program's bounce.
"""

from __future__ import annotations

import smtplib
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import trustme
from pydantic import SecretStr

from tests.fakes.smtp_server import Action, ScriptedSmtp, say
from tests.peers import dovecot as dovecot_peer
from tests.peers import postfix as postfix_peer
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import DOMAIN, Postfix

PASSWORD = "pass word/9+ä"
GONE, FULL = "gone.test", "full.test"

_MAIN_CF = """
recipient_delimiter = +
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{folder}/mailboxes
transport_maps = texthash:{folder}/transports
smtp_host_lookup = native
"""
_MASTER_CF = "smtp unix - - n - - smtp\n"


def _refuses(line: str) -> Action | None:
    """The host of the two domains whose mail comes back."""
    if f"@{GONE}>" in line:
        return say("550 5.1.1 there is nobody of that name here")
    return say("552 5.2.2 the mailbox is full") if f"@{FULL}>" in line else None


@dataclass(frozen=True)
class PostOffice:
    """Both of them, running."""

    dovecot: Dovecot
    postfix: Postfix
    refusing: ScriptedSmtp

    def mails(self, name: str) -> list[bytes]:
        """What lies in a mailbox, oldest first."""
        folder = self.dovecot.root / "mail" / name
        paths = [path for part in ("new", "cur") for path in (folder / part).glob("*")]
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]

    def empty(self, name: str) -> None:
        """Throw away what lies in a mailbox."""
        for part in ("new", "cur"):
            for path in (self.dovecot.root / "mail" / name / part).glob("*"):
                path.unlink()

    def post(self, raw: bytes, sender: str, recipients: Sequence[str]) -> None:
        """Hand a mail to Postfix, as somebody's mail program does."""
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as smtp:
            smtp.sendmail(sender, list(recipients), raw)

    def is_idle(self) -> bool:
        """Whether Postfix has nothing left to deliver."""
        return self.postfix.in_queue() == 0

    def options(self, account: str, encryption: str = "none") -> dict[str, Any]:
        """The options of a server that sends by this Postfix and whose tracking account is that mailbox."""
        sending = {"host": "127.0.0.1", "port": self.postfix.port, "encryption": "none"}
        named = {f"sending.smtp.{name}": value for name, value in sending.items()}
        return named | tracking_options(self.dovecot, account, encryption)

    def stop(self) -> None:
        """Stop all."""
        self.postfix.stop()
        self.refusing.stop()
        self.dovecot.stop()


def address(name: str) -> str:
    """Of a mailbox."""
    return f"{name}@{DOMAIN}"


def tracking_options(dovecot: Dovecot, account: str, encryption: str = "none") -> dict[str, Any]:
    """The options of a server whose tracking account is that mailbox; it is fetched from when a test says so."""
    return {
        "tracking.enabled": True,
        "tracking.host": "127.0.0.1",
        "tracking.port": dovecot.pop3s if encryption == "tls" else dovecot.pop3,
        "tracking.encryption": encryption,
        "tracking.username": account,
        "tracking.password": SecretStr(PASSWORD),
        "tracking.address": address(account),
        "tracking.subaddressing": True,
        "tracking.poll_interval": 86_400,
    }


def missing() -> str:
    """Why there can be none here; ``""`` when there can."""
    return postfix_peer.missing() or dovecot_peer.missing()


def certificate(authority: trustme.CA | None = None) -> bytes:
    """Key and chain of a POP3 host, of an authority that nobody trusts if none is given."""
    cert = (authority or trustme.CA()).issue_cert("127.0.0.1")
    return cert.private_key_pem.bytes() + b"".join(one.bytes() for one in cert.cert_chain_pems)


def start_mailboxes(names: Collection[str], tls_pem: bytes = b"") -> Dovecot:
    """Start the POP3 host alone."""
    return dovecot_peer.start(dict.fromkeys(names, PASSWORD), tls_pem or certificate(), token_info="http://127.0.0.1:9")


def start(names: Collection[str], tls_pem: bytes = b"") -> PostOffice:
    """Start both, with these mailboxes, each with the same password.

    Parameters
    ----------
    tls_pem: key and certificate chain of the POP3 host.
    """
    with ExitStack() as undone:
        dovecot = start_mailboxes(names, tls_pem)
        undone.callback(dovecot.stop)
        refusing = undone.enter_context(ScriptedSmtp({"rcpt": _refuses}))
        folder = dovecot.root / "post"
        folder.mkdir()
        (folder / "mailboxes").write_text("".join(f"{address(name)} {name}/\n" for name in names))
        (folder / "transports").write_text("".join(f"{d} smtp:[127.0.0.1]:{refusing.port}\n" for d in (GONE, FULL)))
        postfix = postfix_peer.start(_MAIN_CF.format(mail=dovecot.root / "mail", folder=folder), _MASTER_CF)
        undone.pop_all()
        return PostOffice(dovecot, postfix, refusing)

"""What the scripted SMTP server knows of log-ins: who is let in, by which method.

NTLM is pyspnego's own acceptor; it reads its accounts from a file that an environment variable names.
"""

from __future__ import annotations

import base64
import hmac
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping

import spnego

Ask = Callable[[bytes], bytes]
"""Sends a challenge (334, in base64), returns the answer decoded."""

Accounts = Mapping[str, str]

_CRAM = b"<1.2@scripted.test>"
_environment = threading.Lock()


def plain(accounts: Accounts, initial: bytes | None, ask: Ask) -> bool:
    """RFC 4616."""
    _, user, password = (initial if initial is not None else ask(b"")).decode().split("\0")
    return accounts.get(user) == password


def login(accounts: Accounts, initial: bytes | None, ask: Ask) -> bool:
    """Two questions."""
    user = (initial if initial is not None else ask(b"Username:")).decode()
    return accounts.get(user) == ask(b"Password:").decode()


def cram_md5(accounts: Accounts, initial: bytes | None, ask: Ask) -> bool:
    """RFC 2195."""
    user, _, digest = ask(_CRAM).decode().rpartition(" ")
    return hmac.new(accounts.get(user, "").encode(), _CRAM, "md5").hexdigest() == digest


def ntlm(accounts: Accounts, initial: bytes | None, ask: Ask) -> bool:
    """[MS-SMTPNTLM]: an account is called ``DOMAIN\\user`` or ``user@domain``."""
    with tempfile.NamedTemporaryFile("w", suffix=".ntlm") as file:
        for name, password in accounts.items():
            domain, _, user = name.rpartition("\\")
            file.write(f"{domain}:{user}:{password}\n")
        file.flush()
        with _environment:
            os.environ["NTLM_USER_FILE"] = file.name
            try:
                acceptor = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
                # The first question has no meaning; the answer is the first message.
                challenge = acceptor.step(ask(b"ntlm supported") if initial is None else initial)
                acceptor.step(ask(challenge or b""))
            except spnego.exceptions.SpnegoError:
                return False
            finally:
                del os.environ["NTLM_USER_FILE"]
        return acceptor.complete


def xoauth2(tokens: Collection[str], initial: bytes | None, ask: Ask) -> bool:
    """Google's and Microsoft's; an error is told as JSON, and the client has to answer nothing to it."""
    parts = (initial if initial is not None else ask(b"")).decode().split("\x01")
    good = len(parts) == 4 and parts[1] in {f"auth=Bearer {token}" for token in tokens}
    if not good:
        assert ask(b'{"status":"401","schemes":"bearer","scope":"https://mail.example/"}') == b""
    return good


def decoded(text: str) -> bytes:
    """A client's answer."""
    return base64.b64decode(text, validate=True)

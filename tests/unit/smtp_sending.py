"""Sending one message over a real connection, for the tests of the SMTP transport."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as SmtpServer
from aiosmtpd.smtp import Envelope as ServerEnvelope
from aiosmtpd.smtp import Session
from pydantic import SecretStr

from tests.ports import free_port
from trackkit.domain.message import Envelope
from trackkit.domain.replies import Outcome
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Login, Route
from trackkit.mail.transports.smtp import connect

CANARY = "kAnArY-pa55 wörd/9"
USER = "mailer"
ONE = ("one@example.com",)
THREE = ("one@example.com", "two@example.com", "three@example.com")
RAW = b"Message-ID: <1@example.com>\r\nSubject: hi\r\n\r\nhello\r\n.\r\n..dots\r\n"


@dataclass
class Result:
    """What one sending came to."""

    outcomes: dict[str, Outcome]
    conversation: str

    def __getitem__(self, address: str) -> Outcome:
        return self.outcomes[address]

    @property
    def only(self) -> Outcome:
        (outcome,) = self.outcomes.values()
        return outcome


def route_to(port: int, **changes: Any) -> Route:
    """A route to a server of the test."""
    return replace(Route("127.0.0.1", port, "none", None, 3, 3), **changes)


def login() -> Login:
    """The account of the canary."""
    return Login(USER, SecretStr(CANARY))


def run(work: Coroutine[Any, Any, Any], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> Any:
    """Run in a loop of its own."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


async def sent(
    route: Route,
    *messages: tuple[tuple[str, ...], bytes],
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    mail_from: str = "sender@example.com",
) -> list[Result]:
    """Send messages over one connection."""
    conversation = Conversation()
    connection = await connect(route, tls, "client.example.com", conversation)
    if isinstance(connection, Outcome):
        return [Result(dict.fromkeys(rcpts, connection), conversation.text) for rcpts, _ in messages]
    results = []
    for rcpts, raw in messages:
        outcomes: dict[str, Outcome] = {}
        delivered = await connection.deliver(Envelope(mail_from, rcpts), raw, outcomes)
        assert delivered or not outcomes
        results.append(Result(outcomes, connection.conversation.text))
    await connection.close()
    return results


def send(route: Route, rcpts: tuple[str, ...] = ONE, raw: bytes = RAW, **more: Any) -> Result:
    """Send one message."""
    (result,) = run(sent(route, (rcpts, raw), **more))
    assert set(result.outcomes) == set(rcpts)
    return result


class _Sink:
    """aiosmtpd's handler: keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str], bytes]] = []
        self.options: list[str] = []

    async def handle_DATA(self, server: SmtpServer, session: Session, envelope: ServerEnvelope) -> str:
        assert isinstance(envelope.original_content, bytes)
        self.messages.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content))
        self.options += envelope.mail_options
        return "250 2.0.0 taken"


@contextmanager
def real_server(**kwargs: Any) -> Iterator[tuple[_Sink, int]]:
    """aiosmtpd on a free port."""
    sink = _Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port(), **kwargs)
    controller.start()
    try:
        yield sink, controller.port
    finally:
        controller.stop()

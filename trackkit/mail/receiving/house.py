"""What the conversations of one listener share: the server, its name and certificate, threads, room, what is told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from trackkit.domain.listener import ListenerOptions
from trackkit.domain.log import Severity
from trackkit.domain.recurring import Recurring
from trackkit.domain.smtp_commands import Reply
from trackkit.services.environment import Environment
from trackkit.services.relaying import SOURCE

T = TypeVar("T")

ROOM = 256 * 1024 * 1024
"""Octets of messages that are arriving, all together; one of the greatest size always fits twice."""


@dataclass
class House:
    """Of one listener.

    Parameters
    ----------
    name: what this machine calls itself.
    tls: for STARTTLS.
    threads: where the store is called.
    """

    environment: Environment
    name: str
    tls: ssl.SSLContext
    threads: Executor
    _used: int = 0
    _recurring: Recurring = field(default_factory=Recurring)
    _telling: threading.Lock = field(default_factory=threading.Lock)

    @property
    def options(self) -> ListenerOptions:
        """The present ones."""
        return self.environment.options.current.sending.listener

    @property
    def most_octets(self) -> int:
        """Of one message."""
        return self.environment.options.current.sending.timing.largest_message

    def take_room(self, octets: int) -> bool:
        """Count octets that are held; False when there is no room for them, and they are not counted."""
        if self._used + octets > max(ROOM, 2 * self.most_octets):
            return False
        self._used += octets
        return True

    def give_room(self, octets: int) -> None:
        """They are held no longer."""
        self._used -= octets

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The result of what waits for the store."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def too_large(self, address: str = "") -> Reply:
        """The refusal of a message over the maximum size, which the log is told of, too."""
        words = "Mail from other programs was over the maximum size and refused."
        advice = "Send it smaller, or raise sending.timing.maximum_message_mb."
        self.tell(Severity.information, "size", words, advice, address)
        return Reply(552, "5.3.4", f"The message is over the maximum size of {self.most_octets} octets")

    def tell(self, severity: Severity, kind: str, words: str, details: str = "", address: str = "") -> None:
        """Write to the server log; what comes again and again only now and then, with how often it came.

        Safe for threads.
        """
        environment = self.environment
        with self._telling:
            times = self._recurring.note(environment.clock(), kind)
        if times:
            more = f" ({times:,} times since this was last told)" if times > 1 else ""
            environment.log.write(severity, SOURCE, words + more, details, client_address=address)

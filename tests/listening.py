"""The SMTP listener without the rest of a server: in a thread, on a real store that a test can make fail."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from tests.ports import free_port, wait_until
from tests.smtp_talk import Talk
from trackkit.domain import options as declared
from trackkit.domain.log import Severity
from trackkit.mail.listener import Listener
from trackkit.server import compose, settings
from trackkit.server.folder import prepare
from trackkit.server.receiving import mail_tls
from trackkit.services.environment import Environment
from trackkit.services.log_writer import LogWriter
from trackkit.store.database import Store, Work


@dataclass
class FailingStore:
    """A store whose `write` can be made to fail, be slow, or be counted; everything else is the real one's."""

    real: Store
    before_write: Callable[[], None] = lambda: None
    writes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, work: Work[Any]) -> Any:
        with self._lock:
            self.writes += 1
        self.before_write()
        return self.real.write(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@dataclass
class Listening:
    """A listener on a free port."""

    environment: Environment
    store: FailingStore
    log: Recorder
    port: int

    def talk(self) -> Talk:
        return Talk(self.port).greeted()

    def stored(self) -> list[bytes]:
        """What is in the queue, oldest first, without the Received field."""
        with closing(sqlite3.connect(self.environment.data / "trackkit.db")) as connection:
            rows = connection.execute("SELECT raw FROM bodies ORDER BY message_id").fetchall()
        return [re.sub(rb"\AReceived: .*?;\r\n\t[^\r]*\r\n", b"", raw, flags=re.DOTALL) for (raw,) in rows]

    def told(self, level: Severity) -> list[str]:
        """What the log was told at that level."""
        return [message for severity, message in self.log.entries if severity is level]


@dataclass
class Recorder:
    """In place of the server log."""

    entries: list[tuple[Severity, str]] = field(default_factory=list)

    def write(self, severity: Severity, source: str, message: str, details: str = "", **more: object) -> None:
        self.entries.append((severity, message))


@contextmanager
def listening(folder: Path, **options: object) -> Iterator[Listening]:
    """Start one with these options of `sending.listener`."""
    place, port = prepare(folder), free_port()
    with compose.environment(place, settings.load(folder), None) as environment:
        wanted = {f"sending.listener.{name}": value for name, value in options.items()}
        wanted |= {"sending.listener.enabled": True, "sending.listener.port": port}
        then = declared.changed(environment.options.current, wanted)
        environment.store.write(lambda c: environment.options.save(c, environment.options.current, then))
        environment.options.reload()
        store, log = FailingStore(environment.store), Recorder()
        own = replace(environment, store=cast("Store", store), log=cast("LogWriter", log))
        listener, loop = Listener(own, partial(mail_tls, place)), asyncio.new_event_loop()
        thread = threading.Thread(target=lambda: loop.run_until_complete(listener.run()))
        thread.start()
        try:
            wait_until(lambda: own.listener.open, what="the listener")
            yield Listening(own, store, log, port)
        finally:
            loop.call_soon_threadsafe(listener.stop)
            thread.join()
            loop.close()

"""The SMTP listener: takes mail from other programs, as the options say, and follows them while the server runs.

Promises
- It is open where `sending.listener` says; a change of address or port opens the new place, everything else counts from
  the next command on. Whoever is connected when it closes is answered what is under way, then 421.
- A place that cannot be opened is an Error in the log and a finding of health, and is tried again; it is never the end
  of the server.
- At most `MOST_CLIENTS` at a time; who comes then, or from a network that may not connect, is told so and turned away.

`run` ends by `stop` or by being cancelled.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from trackkit.domain.hosts import host_and_port
from trackkit.domain.listener import may_connect
from trackkit.domain.log import Severity
from trackkit.domain.options import Options
from trackkit.domain.smtp_commands import Reply
from trackkit.domain.throttle import place_of
from trackkit.mail.receiving.house import House
from trackkit.mail.receiving.intake import Intake
from trackkit.mail.receiving.session import Session
from trackkit.mail.receiving.wire import Wire
from trackkit.mail.route import ehlo_name
from trackkit.services.environment import Environment
from trackkit.services.relaying import SOURCE

MOST_CLIENTS = 100
THREADS = 4
"""Two store, the others look at passwords."""
RETRY_SECONDS = 15.0
LEAVE_SECONDS = 5.0
"""What clients get to be answered when it closes."""

Place = tuple[str, int]


class Listener:
    """Of one server.

    Parameters
    ----------
    tls: makes the context with the server's certificate.
    """

    def __init__(self, environment: Environment, tls: Callable[[], ssl.SSLContext]) -> None:
        self._environment = environment
        self._tls = tls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._stopping = False
        self._seen: Options | None = None
        self._place: Place | None = None
        self._server: asyncio.Server | None = None
        self._house: House | None = None
        self._intake: Intake | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="trackkit-receiving")
        self._sessions: dict[asyncio.Task[None], Wire] = {}

    async def run(self) -> None:
        """Be open as the options say, until stopped."""
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                self._changed.clear()
                await self._follow()
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS if self._environment.listener.trouble else None):
                        await self._changed.wait()
        finally:
            self._loop = None
            await self._close()
            self._threads.shutdown(wait=False)

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True
        self._changed.set()

    def wake(self) -> None:
        """Options may have changed. Thread-safe, and cheap when they have not."""
        loop = self._loop
        if loop is not None and self._environment.options.current is not self._seen:
            # A loop that closes right now needs no waking.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._changed.set)

    async def _follow(self) -> None:
        self._seen = self._environment.options.current
        options = self._seen.sending.listener
        wanted = (options.address, options.port) if options.enabled else None
        if wanted != self._place or (wanted is not None and self._server is None):
            await self._close()
            self._place = wanted
            if wanted is None:
                self._environment.listener.trouble = ""
            else:
                await self._open(*wanted)

    async def _open(self, address: str, port: int) -> None:
        state, log = self._environment.listener, self._environment.log
        where = host_and_port(address, port)
        advice = "Is the server's certificate in its data folder whole, and may the server read it?"
        try:
            if self._house is None:
                name, tls = await asyncio.to_thread(ehlo_name), await asyncio.to_thread(self._tls)
                self._house = House(self._environment, name, tls, self._threads)
                self._intake = Intake(self._house)
            advice = "Is another program using the port, is the address one of this machine, or does the port need "
            advice += "rights? Choose another one."
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Wire(self._arrived), address, port, backlog=MOST_CLIENTS
            )
        except OSError as error:  # ssl.SSLError is one
            trouble = f"It cannot be opened: {error.strerror or error}. {advice}"
            if trouble != state.trouble:  # it is tried again and again, and told once
                log.write(Severity.error, SOURCE, f"The SMTP listener cannot be opened on {where}.", trouble)
            state.trouble = trouble
        else:
            state.open, state.trouble = True, ""
            log.write(Severity.information, SOURCE, f"The SMTP listener is open on {where}.")

    async def _close(self) -> None:
        """Take nobody in any more, and take leave of everybody."""
        self._environment.listener.open = False
        if self._server is not None:
            self._server.close()
            self._server = None
            self._environment.log.write(Severity.information, SOURCE, "The SMTP listener was closed.")
        for wire in self._sessions.values():
            wire.interrupt()
        if self._sessions:
            await asyncio.wait(list(self._sessions), timeout=LEAVE_SECONDS)
        for task in list(self._sessions):
            task.cancel()
        if self._sessions:
            await asyncio.wait(list(self._sessions))

    def _arrived(self, wire: Wire) -> None:
        """A client is there: talk to it, or turn it away."""
        house, intake, peer = self._house, self._intake, wire.peer
        if house is None or intake is None or not peer:
            wire.abort()
            return
        if not may_connect(house.options, peer):
            words = f"A mail program at {peer} may not connect to the SMTP listener."
            advice = "If it should, add its network to sending.listener.networks."
            house.tell(Severity.unusual_activity, f"network {place_of(peer)}", words, advice, peer)
            _turn_away(wire, Reply(554, "5.7.1", f"{house.name} does not take mail from you"))
            return
        if len(self._sessions) >= MOST_CLIENTS:
            words = f"More than {MOST_CLIENTS} mail programs were connected at once; some were asked to come again."
            house.tell(Severity.warning, "clients", words)
            _turn_away(wire, Reply(421, "4.3.2", f"{house.name} has too many connections; try again"))
            return
        task = asyncio.get_running_loop().create_task(Session(wire, house, intake).run())
        self._sessions[task] = wire
        task.add_done_callback(lambda ended: self._sessions.pop(ended, None))


def _turn_away(wire: Wire, reply: Reply) -> None:
    wire.say(reply)
    wire.close()

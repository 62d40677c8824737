"""Tests of settings as a part of a server: they run in its event loop, beside the mail engine and with connections of
their own, so that what of the machine takes one call at a time (MAPI) is shared with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from trackkit.domain.log import Severity
from trackkit.domain.probe_steps import Ending
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.engine import machine_hosts
from trackkit.mail.local_ways import LocalPlaces
from trackkit.mail.mailbox_probe import MailboxProbe
from trackkit.mail.probe import Probe
from trackkit.mail.route import ehlo_name
from trackkit.mail.way import Surroundings
from trackkit.services.environment import Environment
from trackkit.services.probe_runs import SOURCE, Cancelled, Watch
from trackkit.services.token_account import TokenAccount

_TLS: Final = ssl.create_default_context


@asynccontextmanager
async def testing(environment: Environment, local: LocalPlaces) -> AsyncIterator[None]:
    """Lets settings be tested while it is open; ends the tests that are under way."""

    def report(severity: Severity, message: str, details: str = "", *, mailed: bool = True) -> None:
        environment.log.write(severity, SOURCE, message, details, mailed=mailed)

    tokens = AccessTokens(TokenAccount(environment), _TLS, report)
    name = await asyncio.to_thread(ehlo_name)
    probe = Probe(Surroundings(environment.clock, report, _TLS, name, tokens), partial(machine_hosts, _TLS), local)
    loop, mailbox_probe = asyncio.get_running_loop(), MailboxProbe(_TLS)
    environment.probes.mail = lambda wanted, watch: _in_loop(loop, probe(wanted, watch), watch)
    environment.probes.mailbox = lambda box, trusted, watch: _in_loop(loop, mailbox_probe(box, trusted, watch), watch)
    try:
        yield
    finally:
        await asyncio.to_thread(environment.probes.close)


def _in_loop(loop: asyncio.AbstractEventLoop, test: Coroutine[Any, Any, Ending], watch: Watch) -> Ending:
    """Called in a thread of the test's own."""
    future = asyncio.run_coroutine_threadsafe(test, loop)
    watch.when_cancelled(future.cancel)
    try:
        return future.result()
    except CancelledError:
        raise Cancelled from None

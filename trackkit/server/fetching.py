"""Fetching mail as a part of a server. Only the server does it: a mailbox is open to one session at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trackkit.domain.log import Severity
from trackkit.mail.poller import Poller
from trackkit.server.compose import SOURCE
from trackkit.services.environment import Environment


@asynccontextmanager
async def fetching(environment: Environment) -> AsyncIterator[asyncio.Task[None]]:
    """Fetches mail from the mailboxes there are, as the options say."""
    poller = Poller(environment)
    environment.on_mail.append(poller.wake)
    running = asyncio.create_task(poller.run())
    try:
        yield running
    finally:
        poller.stop()
        try:
            await running
        except Exception as error:  # noqa: BLE001 - told, then the server stops
            words = f"Fetching mail ended: {type(error).__name__}: {error}"
            environment.log.write(Severity.severe_error, SOURCE, words)

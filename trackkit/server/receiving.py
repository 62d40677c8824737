"""The SMTP listener as a part of a server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from trackkit.domain.log import Severity
from trackkit.mail.listener import Listener
from trackkit.server.compose import SOURCE
from trackkit.server.folder import Folder
from trackkit.services.environment import Environment


@asynccontextmanager
async def receiving(environment: Environment, folder: Folder) -> AsyncIterator[asyncio.Task[None]]:
    """Runs the listener, which is open or not as the options say."""
    listener = Listener(environment, partial(mail_tls, folder))
    environment.on_mail.append(listener.wake)
    running = asyncio.create_task(listener.run())
    try:
        yield running
    finally:
        listener.stop()
        try:
            await running
        except Exception as error:  # noqa: BLE001 - told, then the server stops
            words = f"The SMTP listener ended: {type(error).__name__}: {error}"
            environment.log.write(Severity.severe_error, SOURCE, words)


def mail_tls(folder: Folder) -> ssl.SSLContext:
    """TLS for programs that hand over mail, with the folder's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder.certificate, folder.private_key)
    return context

"""A poller that runs beside a test, and mailboxes that it fetches from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.pop3_mailbox import PASSWORD
from trackkit.contract.options import SetOptions, Value
from trackkit.domain.accounts import Actor, Role
from trackkit.mail.poller import Poller
from trackkit.services import options
from trackkit.services.environment import Call, Environment
from trackkit.services.fetching_state import Fetched


@contextmanager
def polling(environment: Environment) -> Iterator[None]:
    """The poller runs."""
    poller = Poller(environment)

    async def until_stopped() -> None:
        running = asyncio.ensure_future(poller.run())
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)
        poller.stop()
        await running

    stop = threading.Event()
    environment.on_mail.append(poller.wake)
    thread = threading.Thread(target=asyncio.run, args=(until_stopped(),))
    thread.start()
    try:
        while environment.fetching.poll_now is None:
            threading.Event().wait(0.005)
        yield
    finally:
        stop.set()
        thread.join(20)
        environment.on_mail.remove(poller.wake)


def fetch_from(environment: Environment, port: int, username: str, **more: Value) -> str:
    """Set the server's mailbox; its key. It is not fetched from by itself but once."""
    values: dict[str, Value] = {
        "enabled": True,
        "host": "127.0.0.1",
        "port": port,
        "encryption": "none",
        "username": username,
        "password": PASSWORD,
        "address": "tracking@example.com",
        "poll_interval": 86_400,
        **more,
    }
    call = Call(environment, Actor("admin", Role.admin, "127.0.0.1"), environment.clock())
    options.set_options(call, SetOptions(values={f"tracking.{name}": value for name, value in values.items()}))
    return f"{username}@127.0.0.1:{port}"


def poll(environment: Environment, key: str) -> Fetched:
    """Fetch now."""
    assert environment.fetching.poll_now is not None
    (found,) = environment.fetching.poll_now([key], 30)
    return found

"""A mail worker's signs: asked for, one is given at once, also while another is on its way."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.engine_running import options_for, run, until
from trackkit.mail import in_touch
from trackkit.mail.in_touch import InTouch
from trackkit.services.mail_membership import Beat


def test_a_sign_that_is_asked_for_while_one_is_given_is_given_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_touch, "BEAT", timedelta(hours=1))
    signs: list[int] = []
    going = threading.Event()

    def beat(connections: int) -> Beat:
        signs.append(connections)
        going.wait(20)
        return Beat()

    options = options_for(25)
    queue = SimpleNamespace(beat=beat, options=lambda: options, leave=lambda: None)
    engine = SimpleNamespace(open_connections=0)

    async def work() -> None:
        touch = InTouch(cast(Any, engine), cast(Any, queue), lambda: False)
        running = asyncio.create_task(touch.run())
        await until(lambda: len(signs) == 1)
        touch.look_soon()  # the worker that has come since is not in what that one saw
        going.set()
        await until(lambda: len(signs) == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await touch.end()

    run(work())

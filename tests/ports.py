"""Ports on the loopback address, and waiting for something to come true."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


_FIRST, _MANY, _WORKERS = 20_000, 3_000, 4
"""Below the ports that systems give away by themselves, so that no outgoing connection takes one meanwhile."""


def _mine() -> Iterator[int]:
    """The ports of this test process, none of which another worker of the same run tries; again and again."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker % _WORKERS * _MANY
    start = first + os.getpid() % _MANY
    return itertools.cycle([*range(start, first + _MANY), *range(first, start)])


_PORTS = _mine()


def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on now, and that this process has not given away lately."""
    for port in itertools.islice(_PORTS, _MANY):
        with socket.socket() as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("every port that tests use is taken")


def accepts(port: int) -> bool:
    """Whether something listens on that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(
    condition: Callable[[], T], *, seconds: float = 60, what: str = "the condition", pause: float = 0.05
) -> T:
    """The first true value of `condition()`; `AssertionError` with its last value when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {seconds} s; last value: {value!r}")
        time.sleep(pause)
    return value

"""How often settings may be looked for, and that a look ends whatever is silent."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.suggestions import Suggested, asked
from trackkit.mail import suggest
from trackkit.mail.autoconfig_fetch import NotFetched, fetch
from trackkit.services.suggest_gate import PERSON, SERVER, SuggestGate


def test_one_person_and_the_whole_server_are_limited() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    gate = SuggestGate(lambda about, trusted: Suggested((), ()), lambda: now)
    for _ in range(PERSON.tries):
        gate.admit("ann")
    with pytest.raises(TooManyAttempts, match="Look again in 20 seconds"):
        gate.admit("ann")
    for name in ["bob"] * PERSON.tries:
        gate.admit(name)
    assert SERVER.tries == 2 * PERSON.tries
    with pytest.raises(TooManyAttempts, match="in 6 seconds"):
        gate.admit("cleo")
    now += timedelta(seconds=20)
    gate.admit("ann")
    gate.admit("cleo")


class Silent:
    """A DNS that never answers."""

    def __init__(self, clock: object) -> None:
        pass

    async def _nothing(self, name: str) -> Any:
        await asyncio.Event().wait()

    srv = mx = addresses = _nothing


def test_a_look_ends_although_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "Resolver", Silent)
    monkeypatch.setattr(suggest, "_PUBLISHED_SECONDS", 0.6)
    monkeypatch.setattr(suggest, "_TRY_SECONDS", 0.1)
    monkeypatch.setattr(suggest, "_PORTS_SECONDS", 0.1)
    for domain, provider, candidates in (("silent.test", "failed", 0), ("gmail.com", "found", 2)):
        found = suggest.look(asked(f"ann@{domain}"), ())
        assert len(found.candidates) == candidates
        assert [(one.source, one.result) for one in found.told] == [
            ("srv", "failed"), ("autoconfig", "failed"), ("provider", provider), ("ports", "nothing")
        ]  # fmt: skip
        words = [one.words for one in found.told if one.result != "found"]
        assert all("no answer within" in one for one in [*words, *(one.words[0] for one in found.candidates)])


def test_a_look_ends_although_this_machine_does_not_know_names(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Event()

    def silent(*_: object, **__: object) -> Any:
        over.wait(10)
        raise OSError

    monkeypatch.setattr(suggest, "ehlo_name", silent)
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    monkeypatch.setattr(suggest, "_PUBLISHED_SECONDS", 0.1)
    monkeypatch.setattr(suggest, "_PORTS_SECONDS", 0.2)
    began = time.monotonic()
    try:
        found = suggest.look(asked("10.0.0.5"), ())
        assert time.monotonic() - began < 5, "a thread that hangs is not waited for"
    finally:
        over.set()
    (ports,) = found.told
    assert "no answer within" in ports.words


@pytest.mark.parametrize("host", ["a\\046" * 31 + ".test", "a b.test", "a\\.test"])
def test_an_autoconfig_file_is_not_fetched_from_what_is_no_host(host: str) -> None:
    """The DNS could have such names, but TLS cannot ask for a certificate of theirs."""
    asked_for: list[str] = []

    async def addresses(name: str) -> tuple[str, ...]:
        asked_for.append(name)
        raise NotFetched("there is no such host")

    with pytest.raises(NotFetched, match="no address"):
        asyncio.run(fetch(f"https://{host}/c.xml", ssl.create_default_context(), addresses))
    assert asked_for == []

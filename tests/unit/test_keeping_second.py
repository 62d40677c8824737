"""The server's hold on its second process: when there is one, what it is told, and what becomes of one that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes import second_process
from tests.unit.engine_running import run, until
from trackkit.domain.options import Options, from_flat
from trackkit.server import keeping_second
from trackkit.server.keeping_second import Keeper


class Server:
    """What a keeper uses of one; the engine, the queue and how it is in touch are this object, too."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.options = SimpleNamespace(current=with_connections(4))
        self.trust = SimpleNamespace(current=())
        self.store = SimpleNamespace(is_sqlite=True)
        self.queue = self.in_touch = self
        self.reports: list[str] = []
        self.lives: list[str] = []

    async def begin_sharing(self) -> None:
        self.lives.append("began")

    async def end_sharing(self) -> None:
        self.lives.append("over")

    def look_soon(self) -> None:
        self.lives.append("there")

    def report(self, severity: object, message: str, details: str = "") -> None:
        self.reports.append(f"{message} {details}")

    @property
    def told(self) -> bytes:
        path = self.path / "told"
        return path.read_bytes() if path.exists() else b""


def with_connections(number: int) -> Options:
    return from_flat({"sending.smtp.host": "mail.example.org", "sending.timing.connections": number})


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(keeping_second, "second", second_process)
    monkeypatch.setattr(keeping_second, "processors", lambda: 2)
    monkeypatch.setattr(keeping_second, "FIRST_PATIENCE_SECONDS", 0.01)
    return Server(tmp_path)


def kept(server: Server, work: Callable[[Keeper], Any]) -> None:
    """Run `work` while a keeper does."""

    async def wrapped() -> None:
        keeper = Keeper(server, server, server)  # type: ignore[arg-type]
        running = asyncio.create_task(keeper.run())
        try:
            await work(keeper)
        finally:
            keeper.stop()
            await running

    run(wrapped())


def test_it_is_there_while_the_options_ask_for_it_and_told_what_happens(server: Server) -> None:
    async def work(keeper: Keeper) -> None:
        keeper.tell()
        assert server.lives == []
        server.options.current = with_connections(8)
        keeper.tell()
        await until(lambda: server.lives == ["began", "there"])
        keeper.tell()
        await until(lambda: server.told == b"m")
        server.trust.current = ("something",)
        keeper.tell()
        await until(lambda: server.told == b"mc")
        server.options.current = with_connections(7)
        keeper.tell()
        await until(lambda: server.lives == ["began", "there", "over"])
        assert server.told == b"mccend "
        keeper.tell()
        server.options.current = with_connections(20)
        keeper.tell()
        await until(lambda: server.lives[3:] == ["began", "there"])

    kept(server, work)
    assert server.lives[5:] == ["over"]
    assert server.told == b"mccend end "
    assert server.reports == []


def test_one_that_gives_no_sign_of_life_is_ended_and_another_is_started(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_second, "SILENT_SECONDS", 0.5)
    (server.path / "silent").touch()
    server.options.current = with_connections(8)

    async def work(keeper: Keeper) -> None:
        await until(lambda: server.reports)
        monkeypatch.setattr(keeping_second, "SILENT_SECONDS", 30)
        (server.path / "silent").unlink()
        await until(lambda: "there" in server.lives)

    kept(server, work)
    assert "has ended; it is started again. It gave no sign of life" in server.reports[0]
    assert server.lives[:3] == ["began", "over", "began"]


def test_one_that_cannot_be_started_is_told_of_and_tried_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping_second.sys, "executable", str(server.path / "missing"))
    server.options.current = with_connections(8)

    async def work(keeper: Keeper) -> None:
        await until(lambda: len(server.reports) == 2)

    kept(server, work)
    assert "FileNotFoundError" in server.reports[0]
    assert server.lives == ["began", "over"] * (len(server.lives) // 2)

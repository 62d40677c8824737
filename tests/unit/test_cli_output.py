"""Tables at every width, and text of strangers made harmless."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.unit import client_peers as peers
from tests.unit.cli_runs import run, run_at_terminal
from trackkit.cli.output import counted, local_time, plain, size
from trackkit.contract import mail

SUBJECT = "A rather long subject about the monthly report that everybody asked for"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[peers.ApiServer]:
    with peers.serving() as api:
        monkeypatch.setenv("TRACKKIT_SERVER", api.url)
        monkeypatch.setenv("TRACKKIT_TOKEN", "tk_env")
        rows = tuple(peers.queued(f"queue-id-{n}", f"{SUBJECT} {n}") for n in range(3))
        api.answers["mail.list"] = mail.QueuePage(messages=rows, next_before=None, total=3)
        yield api


@pytest.mark.parametrize("columns", ["40", "80", "120", "200"])
def test_nothing_is_cut_at_any_width(api: peers.ApiServer, columns: str) -> None:
    code, shown = run_at_terminal("mail", "list", environment={"COLUMNS": columns})
    assert code == 0
    text = "".join(shown.split())
    for wanted in ("queue-id-0", "queue-id-2", "a@example.org", "deferred", "Sendingispaused"):
        assert wanted in text
    assert "…" not in text
    if columns == "80":
        assert all(len(line) <= 110 for line in shown.splitlines())  # short cells in one line, sentences below
        assert "    Subject: A rather long subject" in shown


def test_a_pipe_gets_one_line_a_row(api: peers.ApiServer) -> None:
    lines = run("mail", "list").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["queue-id-0", "queue-id-1", "queue-id-2"]
    assert all(SUBJECT in line and "Sending is paused" in line for line in lines[2:])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä \N{PILE OF POO}", "plain ä \N{PILE OF POO}"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\x7f\x80\x9b", "\\x7f\\x80\\x9b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_times_sizes_and_counts() -> None:
    at = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    shown = local_time(at)
    assert datetime.fromisoformat(shown) == at
    assert datetime.fromisoformat(shown).utcoffset() == at.astimezone().utcoffset()
    assert local_time(None) == "-"
    assert [size(n) for n in (0, 10_239, 20_480, 36_700_160)] == ["0 B", "10239 B", "20 KB", "35.0 MB"]
    assert [counted(n, "entry", "entries") for n in (0, 1, 1234)] == ["0 entries", "1 entry", "1,234 entries"]

"""Tables at every width, and text of strangers made harmless."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit import client_peers as peers
from tests.unit import tracking_answers
from tests.unit.cli_runs import run, run_at_terminal
from trackkit.cli.output import counted, local_time, plain, size
from trackkit.contract import inbox, mail, project_mail

SUBJECT = "A rather long subject about the monthly report that everybody asked for"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[peers.ApiServer]:
    with peers.serving() as api:
        monkeypatch.setenv("TRACKKIT_SERVER", api.url)
        monkeypatch.setenv("TRACKKIT_TOKEN", "tk_env")
        rows = tuple(peers.queued(f"queue-id-{n}", f"{SUBJECT} {n}") for n in range(3))
        api.answers["mail.list"] = mail.QueuePage(messages=rows, next_before=None, total=3)
        yield api


@pytest.fixture
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"TRACKKIT_PROJECT_{name}", name)


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


def test_the_bytes_of_an_e_mail_reach_a_terminal_escaped(api: peers.ApiServer, in_project: None) -> None:
    raw = b"Subject: x\r\n\r\na\x1b[2Jb\xff\r\n"
    api.answers["project.mail.raw"] = project_mail.RawEmail(number=5, message=base64.b64encode(raw))
    code, shown = run_at_terminal("project", "mail", "raw", "5")
    assert code == 0
    assert "a\\x1b[2Jb\\xff" in shown
    assert "\x1b" not in shown
    assert run("project", "mail", "raw", "5").raw == raw


def test_what_a_template_is_tried_out_with_may_come_from_standard_input(api: peers.ApiServer, in_project: None) -> None:
    assert run("project", "template", "preview", "--file", "-", stdin="Dear {{ user.name }}").code == 0
    assert api.last("project.template.preview").fields["body"] == "Dear {{ user.name }}"


def test_the_quarantine_is_listed_whole(api: peers.ApiServer) -> None:
    def page(fields: dict[str, Any]) -> inbox.Inbox:
        last = "after" in fields
        return inbox.Inbox(
            items=(tracking_answers.INBOX_MAIL.model_copy(update={"inbox_id": 7 if last else 8}),),
            next_after=None if last else 8,
            total=2,
        )

    api.answers["tracking.inbox"] = page
    assert [one["inbox_id"] for one in json.loads(run("tracking", "quarantine", "--json").out)] == [8, 7]


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

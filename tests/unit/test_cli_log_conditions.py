"""Every condition of the log is an option of each command that takes them, and reaches the command as it was given."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any

import pytest

from trackkit.cli import log, log_filter, log_tail
from trackkit.cli.log_conditions import TIMES, takes_conditions
from trackkit.client.log import Conditions
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Match

NAMES = {"level", "match", *Conditions.__annotations__}
GIVEN = dict.fromkeys(NAMES) | {"match": Match.more}


@pytest.mark.parametrize("command", [log.list_log, log.export, log_filter.save])
def test_commands_take_every_condition(command: Any) -> None:
    assert set(inspect.signature(command).parameters) >= NAMES


def test_a_tail_takes_all_but_times() -> None:
    taken = set(inspect.signature(log_tail.tail).parameters)
    assert taken >= NAMES - set(TIMES)
    assert not taken & set(TIMES)


def test_what_is_given_reaches_the_command() -> None:
    seen: dict[str, Any] = {}

    @takes_conditions()
    def command(server: str, wanted: dict[str, Any], limit: int = 7) -> None:
        seen.update(wanted, server=server, limit=limit)

    given = {name: f"some {name}" for name in NAMES - {"match", *TIMES}}
    command("there", **{**GIVEN, **given, "since": "2026-01-31T14:00+01:00"}, limit=3)
    moment = datetime.fromisoformat("2026-01-31T14:00+01:00")
    assert seen == {**given, "match": Match.more, "since": moment, "server": "there", "limit": 3}
    seen.clear()
    command("there", **GIVEN)
    assert seen == {"server": "there", "limit": 7}, "without a level there is nothing to match"
    with pytest.raises(InvalidInput, match="until"):
        command("there", **{**GIVEN, "until": "the day after tomorrow"})

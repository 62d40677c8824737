"""Warnings in the log about what ends on a day: each stage (`domain.expiry`) is told once, also across restarts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from trackkit.domain.expiry import Stage, stage_of
from trackkit.domain.log import Severity
from trackkit.services.environment import Environment
from trackkit.store import records
from trackkit.store.database import Connection


def today(environment: Environment) -> date:
    """The day it is in the server's time zone."""
    return environment.clock().astimezone(environment.zone).date()


def warn_once(environment: Environment, fact: str, until: date, source: str, words: Callable[[Stage], str]) -> None:
    """Warn of what ends on `until` if it is time, and it was not told yet.

    Parameters
    ----------
    fact: the name under which the server remembers what it has told.
    words: the warning at a stage.
    """
    stage = stage_of(until, today(environment))
    if stage is None:
        return
    told = f"{until} {stage.name}"

    def work(connection: Connection) -> bool:
        if records.get_fact(connection, fact) == told:
            return False
        records.set_fact(connection, fact, told)
        return True

    if environment.store.read(lambda c: records.get_fact(c, fact)) != told and environment.store.write(work):
        environment.log.write(Severity.warning, source, words(stage))

"""`server.tasks`: what the server does by itself, when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackkit.client.call import Caller
from trackkit.client.jobs import JobsPart, RunningJob
from trackkit.contract import tasks
from trackkit.contract.operation import Done

if TYPE_CHECKING:
    import pandas as pd


class TasksPart:
    """Scheduled tasks; their fields are those of `trackkit.domain.tasks.Task`."""

    def __init__(self, caller: Caller, server: str, jobs: JobsPart) -> None:
        self._caller = caller
        self._server = server
        self._jobs = jobs

    def list(self) -> tasks.Tasks:
        """Every task with its last result and its next run."""
        return self._caller.ask(tasks.LIST)

    def frame(self) -> pd.DataFrame:
        """The tasks as a frame."""
        from trackkit.frames.databases import tasks_frame

        return tasks_frame(self.list().tasks, self._server)

    def add(self, **values: tasks.TaskValue) -> tasks.TaskRow:
        """Add a task: ``add(name="Nightly", kind="backup", database="sample", schedule="0 2 * * *", keep=7)``."""
        return self._caller.ask(tasks.ADD, values=values)

    def edit(self, name: str, values: Mapping[str, tasks.TaskValue], revision: int | None = None) -> tasks.TaskRow:
        """Change a task; `Conflict` when somebody changed it since `revision` was seen (none = no check)."""
        return self._caller.ask(tasks.EDIT, name=name, values=dict(values), revision=revision)

    def delete(self, name: str) -> Done:
        """Delete a task; what it made stays, and so does its history."""
        return self._caller.ask(tasks.DELETE, name=name)

    def run(self, name: str) -> RunningJob:
        """Run a task now."""
        return self._jobs.handle(self._caller.ask(tasks.RUN, name=name))

    def history(self, name: str | None = None, limit: int = 100) -> tasks.TaskRuns:
        """What a task did, or all, newest first."""
        return self._caller.ask(tasks.HISTORY, name=name, limit=limit)

    def history_frame(self, name: str | None = None, limit: int = 1000) -> pd.DataFrame:
        """The history as a frame."""
        from trackkit.frames.databases import runs_frame

        return runs_frame(self.history(name, limit).runs, self._server)

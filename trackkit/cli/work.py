"""Long work at the terminal: a progress bar, and Ctrl+C that leaves the work running and says how to follow it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.output import json_of, note, plain, say

if TYPE_CHECKING:
    from trackkit.client.jobs import RunningJob
    from trackkit.contract.jobs import Job

NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the end; print the job's number.")]


def finish(running: "RunningJob", *, wait: bool = True, as_json: bool = False, project: bool = False) -> "Job":
    """Wait for the end of long work, telling how far it is, and print what came of it.

    Parameters
    ----------
    project: it is a project user's own work, which `trackkit job` does not show them.
    """
    if not wait:
        if as_json:
            json_of(running.job)
        else:
            say(f"Job {running.job.job_id} is {running.job.state}. Follow it: trackkit job follow {running.job.job_id}")
        return running.job
    try:
        job = _shown(running) if sys.stderr.isatty() else running.wait(_Lines())
    except KeyboardInterrupt:
        follow = "" if project else f" Follow it: trackkit job follow {running.job.job_id}"
        note(f"Job {running.job.job_id} goes on.{follow}")
        raise typer.Exit(130) from None
    if as_json:
        json_of(job)
    else:
        say(job.words)
    return job


def _shown(running: "RunningJob") -> "Job":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(plain(running.job.words), total=None)

        def tell(job: "Job") -> None:
            bar.update(task, description=plain(job.words), completed=job.done, total=job.total)

        return running.wait(tell)


class _Lines:
    """Tells each new step as a line: for logs and pipes."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, job: "Job") -> None:
        """Say what is new."""
        if not job.state.ended and job.words != self._said:
            self._said = job.words
            note(job.words)

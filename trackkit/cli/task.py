"""``trackkit task``: what the server does by itself, when, and what came of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import values, work
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, say, table

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Scheduled tasks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The task's name.")]
Changes = Annotated[
    list[str],
    typer.Argument(metavar="NAME=VALUE...", help="kind=backup database=sample schedule='0 2 * * *' keep=7"),
]


@app.command("list")
@on_server
def list_tasks(server: "Server", as_json: AsJson = False) -> None:
    """List the tasks with their last result and their next run."""
    found = server.tasks.list()
    if as_json:
        json_of(found)
        return
    table(
        ("Name", "Does", "Database", "Schedule", "Enabled", "Next run", "Last run", "Last result", "Words"),
        [
            (
                task.name,
                task.values["kind"],
                task.values["database"],
                task.values["schedule"],
                "yes" if task.values["enabled"] else "no",
                local_time(task.next_run_at),
                local_time(task.last_run_at),
                task.last_state,
                task.last_words,
            )
            for task in found.tasks
        ],
        empty="There are no scheduled tasks.",
        wrap=("Words",),
    )
    if found.tasks:
        note(f"Schedules are meant in the server's time zone, {found.zone}.")


def _values(changes: list[str]) -> dict[str, Any]:
    from trackkit.domain.declared import fields_of
    from trackkit.domain.tasks import Task

    return values.parsed(changes, fields_of(Task))


@app.command()
@on_server
def add(server: "Server", name: Name, changes: Changes, as_json: AsJson = False) -> None:
    """Add a task."""
    task = server.tasks.add(name=name, **_values(changes))
    if as_json:
        json_of(task)
    else:
        say(f"Added {task.name}; its next run: {local_time(task.next_run_at)}.")


@app.command("set")
@on_server
def set_(server: "Server", name: Name, changes: Changes, as_json: AsJson = False) -> None:
    """Change a task."""
    task = server.tasks.edit(name, _values(changes))
    if as_json:
        json_of(task)
    else:
        say(f"Changed {task.name}; its next run: {local_time(task.next_run_at)}.")


@app.command()
@on_server
def delete(server: "Server", name: Name, yes: Yes = False) -> None:
    """Delete a task (asks first); what it made stays, and so does its history."""
    confirm(f"Delete the task {name}? What it made stays.", yes)
    server.tasks.delete(name)
    say(f"Deleted {name}.")


@app.command()
@on_server
def run(server: "Server", name: Name, no_wait: work.NoWait = False, as_json: AsJson = False) -> None:
    """Run a task now, whatever its schedule."""
    work.finish(server.tasks.run(name), wait=not no_wait, as_json=as_json)


@app.command()
@on_server
def history(
    server: "Server",
    name: Annotated[str | None, typer.Argument(help="Only of this task.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List what tasks did, newest first."""
    found = server.tasks.history(name, limit)
    if as_json:
        json_of(found)
        return
    table(
        ("Task", "Started", "Ended", "Result", "By", "Missed", "Words"),
        [
            (
                run.name,
                local_time(run.started_at),
                local_time(run.ended_at),
                run.state,
                run.started_by or "schedule",
                "yes" if run.missed else "",
                run.words,
            )
            for run in found.runs
        ],
        empty="No task has run yet.",
        wrap=("Words",),
    )

"""``trackkit job``: long work on the server, under way and ended."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import work
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, fields, json_of, local_time, note, say, table

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Long work on the server.")

JobId = Annotated[int, typer.Argument(metavar="JOB_ID", help="The job's number.")]


@app.command("list")
@on_server
def list_jobs(
    server: "Server",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)] = 50,
    before: Annotated[int | None, typer.Option(help="Go on after this number.")] = None,
    as_json: AsJson = False,
) -> None:
    """List long work, newest first."""
    page = server.jobs.list(before, limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Id", "Kind", "Database", "State", "Done", "User", "Started", "Ended", "Words"),
        [
            (
                job.job_id,
                job.kind,
                job.database,
                job.state,
                f"{job.done:,} of {job.total:,} {job.unit}" if job.total else "",
                job.username,
                local_time(job.started_at),
                local_time(job.ended_at),
                job.words,
            )
            for job in page.jobs
        ],
        empty="There was no long work yet.",
        wrap=("Words",),
    )
    if page.next_before is not None:
        note(f"Go on with --before {page.next_before}")


@app.command()
@on_server
def show(server: "Server", job_id: JobId, as_json: AsJson = False) -> None:
    """Show how far a job is, or what came of it."""
    job = server.jobs.show(job_id)
    if as_json:
        json_of(job)
        return
    fields(
        [
            ("Job", job.job_id),
            ("Kind", job.kind),
            ("Database", job.database),
            ("State", job.state),
            ("Words", job.words),
            ("Done", f"{job.done:,} of {job.total:,} {job.unit}" if job.total else ""),
            ("User", job.username),
            ("Started", local_time(job.started_at)),
            ("Ended", local_time(job.ended_at)),
            *job.result.items(),
        ]
    )


@app.command()
@on_server
def follow(server: "Server", job_id: JobId, as_json: AsJson = False) -> None:
    """Wait for the end of a job that was begun before, or elsewhere."""
    work.finish(server.jobs.follow(job_id), as_json=as_json)


@app.command()
@on_server
def cancel(server: "Server", job_id: JobId, as_json: AsJson = False) -> None:
    """Cancel a job where that is safe; what it had begun to write is removed."""
    job = server.jobs.cancel(job_id)
    if as_json:
        json_of(job)
    else:
        say(f"Job {job.job_id} was told to stop.")

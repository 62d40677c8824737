"""``trackkit report``: list the reports, and run one to HTML and PDF. Unattended it logs in from the environment."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, counted, json_rows, note, table
from trackkit.domain.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Reports: notebooks with parameters, run to HTML and PDF.")


@app.command("list")
def list_reports(as_json: AsJson = False) -> None:
    """List the reports with their parameters. Needs no server."""
    from trackkit.reports import catalogue

    reports = catalogue()
    if as_json:
        json_rows(
            [
                {
                    "name": report.name,
                    "title": report.title,
                    "purpose": report.purpose,
                    "parameters": [
                        {"name": p.name, "type": p.type, "default": p.default, "help": p.help}
                        for p in report.parameters
                    ],
                }
                for report in reports
            ]
        )
        return
    table(
        ("Report", "Parameter", "Type", "Default", "What it is for"),
        [
            row
            for report in reports
            for row in (
                (report.name, "", "", "", report.purpose),
                *((report.name, p.name, p.type, p.default, p.help) for p in report.parameters),
            )
        ],
        empty="There are no reports.",
        wrap=("What it is for",),
    )
    note(f"{counted(len(reports), 'report')}. Run one: trackkit report run NAME -p parameter=value --html FILE")


@app.command("run")
@on_server
def run_report(
    server: "Server",
    name: Annotated[str, typer.Argument(help="Which report.")],
    parameters: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write it as one HTML file.")] = None,
    pdf: Annotated[str | None, typer.Option("--pdf", metavar="FILE", help="Write it as PDF (needs Chromium).")] = None,
    notebook: Annotated[
        str | None,
        typer.Option("--notebook", metavar="FILE", help="Write the executed notebook, also when a cell fails."),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds it may take.", min=1)] = 600,
) -> None:
    """Run a report. Exit code 0: written; 1: it failed (which cell is said); 2: something given was refused."""
    from trackkit.reports import find, run

    given = _given(parameters or [])
    known = {parameter.name: parameter for parameter in find(name).parameters}
    values = {key: known[key].of_text(text) if key in known else text for key, text in given.items()}
    run(name, values, server=server, html=html, pdf=pdf, notebook=notebook, timeout=timeout)
    note("Written: " + ", ".join(path for path in (html, pdf, notebook) if path is not None))


def _given(parameters: list[str]) -> dict[str, str]:
    """``name=value`` as written, each name once."""
    pairs = [text.partition("=") for text in parameters]
    names = [name for name, _, _ in pairs]
    problems = [Problem(name, "has no value; write name=value") for name, equals, _ in pairs if not equals]
    problems += [Problem(name, "is given more than once") for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise InvalidInput("The parameters were refused; nothing was run.", problems=problems)
    return {name: value for name, _, value in pairs}

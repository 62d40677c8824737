"""``trackkit project template``: what a template makes of a record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.files import read
from trackkit.cli.output import AsJson, json_of, note, say
from trackkit.cli.project import in_project
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.domain.project.kind import RECORD_KINDS, Kind

if TYPE_CHECKING:
    from trackkit.client.project import Project

app = typer.Typer(no_args_is_help=True, help="E-mail templates; they are added and changed as items of kind template.")


@app.command()
@in_project
def preview(
    project: "Project",
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of the project's, or a standard one.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="The subject to try out.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="The text to try out; - = standard input.")] = None,
    kind: Annotated[Kind, typer.Option(metavar="KIND", help=", ".join(RECORD_KINDS))] = Kind.defect,
    record: Annotated[str | None, typer.Option(help="The record's number; none = the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the mail that a template makes of a record; exit code 1 if it is faulty. Nothing is stored or sent."""
    first, body = _texts(project, name) if name is not None else ("", "")
    if name is None and subject is None and file is None:
        raise InvalidInput.of("template", "is missing: give a name, --subject or --file")
    body = read(file).decode("utf-8", "replace") if file is not None else body
    found = project.mail.preview(first if subject is None else subject, body, kind, record)
    if as_json:
        json_of(found)
    elif not found.problems:
        say(f"Subject: {found.subject}\n\n{found.text}")
    for problem in () if as_json else found.problems:
        note(f"{problem.field}, line {problem.line}: {problem.words}")
    if found.problems:
        raise typer.Exit(1)


def _texts(project: "Project", name: str) -> tuple[str, str]:
    """Subject and body of a template: the project's own, else the standard one."""
    from trackkit.domain.project.templates import STANDARD

    try:
        own = project.show(Kind.template, name).values
    except NotFound:
        if name not in STANDARD:
            raise
        return STANDARD[name].subject, STANDARD[name].body
    return str(own["subject"]), str(own["body"])

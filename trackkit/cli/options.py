"""``trackkit options``: the server's options by name. Secrets go in by reference and never come out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, fields, json_of, note, say, table
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.options import OptionsState, OptionValue


app = typer.Typer(no_args_is_help=True, help="The server's options.")


@app.command("list")
@on_server
def list_options(server: "Server", as_json: AsJson = False) -> None:
    """List all options with their values."""
    from trackkit.domain.options import catalogue

    state = server.options.get()
    if as_json:
        json_of(state)
        return
    known = catalogue()
    table(
        ("Name", "Value", "Unit", "", "Meaning"),
        [
            (
                option.name,
                _shown(option),
                known[option.name].unit if option.name in known else "",
                "changed" if option.is_set else "",
                known[option.name].title if option.name in known else "",
            )
            for option in state.options
        ],
        empty="The server has no options.",
        wrap=("Value", "Meaning"),
    )
    _tell(state)


@app.command()
@on_server
def get(
    server: "Server", name: Annotated[str, typer.Argument(help="As sending.smtp.host.")], as_json: AsJson = False
) -> None:
    """Show one option: its value, and what it means."""
    from trackkit.domain.options import checked_name

    info = checked_name(name)
    option = next((option for option in server.options.get().options if option.name == name), None)
    if option is None:
        raise InvalidInput.of(name, "is not known to this server; it may be older than this client")
    if as_json:
        json_of(option)
        return
    bounds = f"{info.minimum} to {info.maximum}" if info.minimum is not None else ", ".join(info.choices)
    fields(
        [
            (info.name, _shown(option)),
            ("Title", info.title),
            ("Kind", info.kind),
            ("Range", bounds),
            ("Unit", info.unit),
            ("Default", "-" if info.default is None else _word(info.default)),
            ("Needs restart", "yes" if info.restart else "no"),
            ("Meaning", info.help),
        ]
    )


def _checked(changes: list[str]) -> list[str]:
    """Names and values can be read, and no secret is written out; before a server is reached."""
    from trackkit.domain.options import checked_name

    seen: set[str] = set()
    for name, equals, text in (change.partition("=") for change in changes):
        info = checked_name(name)
        if not equals:
            raise InvalidInput.of(name, "has no value; write NAME=VALUE")
        if name in seen:
            raise InvalidInput.of(name, "is given twice")
        seen.add(name)
        if not info.secret:
            info.parse(text)
        elif text:
            secrets.refuse_written_out(text, name)
    return changes


@app.command("set")
@on_server
def set_options(
    server: "Server",
    changes: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE...", help="sending.smtp.host=mail.example.org", callback=_checked),
    ],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change options, all or none. A secret's VALUE is - (prompt or standard input), env:NAME or file:PATH."""
    from trackkit.domain import options as domain
    from trackkit.domain.option_advice import new_warnings

    values = _values(changes)
    state = server.options.get()
    now = state.known()
    for warning in new_warnings(now, domain.changed(now, values)):
        confirm(f"{warning}\nSet this all the same?", yes)
    groups = {domain.checked_name(name).group for name in values}
    revisions = {group: number for group, number in state.revisions.items() if group in groups}
    changed = server.options.set(values, revisions)
    if as_json:
        json_of(changed)
        return
    for option in changed.options:
        if option.name in values:
            say(f"{option.name} = {_shown(option)}")
    _tell(changed)


def _values(changes: list[str]) -> dict[str, Any]:
    """What is to be set, by name; secrets resolved."""
    from trackkit.domain.options import checked_name

    values: dict[str, Any] = {}
    for name, _, text in (change.partition("=") for change in changes):
        info = checked_name(name)
        values[name] = (secrets.resolve(text, name) if text else None) if info.secret else info.parse(text)
    return values


def _shown(option: "OptionValue") -> str:
    from trackkit.domain.options import catalogue

    info = catalogue().get(option.name)
    if info is not None and info.secret:
        return "(set)" if option.is_set else "(not set)"
    return _word(option.value)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _tell(state: "OptionsState") -> None:
    waiting = [option.name for option in state.options if option.restart_needed]
    if waiting:
        note(f"Takes effect at the server's next start: {', '.join(waiting)}")
    for warning in state.warnings:
        note(f"Warning: {warning}")

"""``trackkit log filter``: filters of the log kept on the server, one's own and shared ones."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.log_conditions import takes_conditions
from trackkit.cli.output import AsJson, json_of, local_time, say, table
from trackkit.domain.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Saved filters of the log, for `trackkit log list --filter NAME`.")

Name = Annotated[str, typer.Argument(help="The filter's name; case does not matter.")]
Shared = Annotated[bool, typer.Option("--shared", help="The shared one, not one of your own.")]

_UNITS = {"m": 1, "h": 60, "d": 1440}


@app.command("list")
@on_server
def list_filters(server: "Server", as_json: AsJson = False) -> None:
    """List your own filters and the shared ones."""
    found = server.log.filters.list()
    if as_json:
        json_of(found)
        return
    rows = [
        (one.name, "everybody" if one.shared else "you", one.conditions.words, one.saved_by, local_time(one.saved_at))
        for one in found.filters
    ]
    table(
        ("Name", "For", "Conditions", "Saved by", "Saved at"), rows, empty="No filter is saved.", wrap=("Conditions",)
    )


@app.command()
@on_server
def show(server: "Server", name: Name, as_json: AsJson = False) -> None:
    """Show one filter."""
    found = server.log.filters.find(name)
    if as_json:
        json_of(found)
    else:
        say(f"{found.name}{' (shared)' if found.shared else ''}: {found.conditions.words}")


@app.command()
@on_server
@takes_conditions()
def save(
    server: "Server",
    wanted: dict[str, Any],
    name: Name,
    last: Annotated[
        str | None, typer.Option("--last", metavar="SPAN", help="The last 90m, 24h or 7d, counted when it is used.")
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="For everybody (operators and admins).")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Save a filter; asks before it replaces one."""
    if last is not None:
        wanted["last_minutes"] = _minutes(last)
    filters = server.log.filters
    try:
        saved = filters.save(name, shared=shared, replace=yes, **wanted)
    except Conflict:
        whose = "for everybody" if shared else "of your own"
        confirm(f"There is a filter {name!r} {whose} already. Replace it?", yes)
        saved = filters.save(name, shared=shared, replace=True, **wanted)
    if as_json:
        json_of(saved)
    else:
        say(f"Saved {saved.name}: {saved.conditions.words}.")


@app.command()
@on_server
def delete(server: "Server", name: Name, shared: Shared = False, yes: Yes = False) -> None:
    """Delete a filter (asks first; the log itself stays)."""
    whose = "shared filter; everybody loses it" if shared else "filter of your own"
    confirm(f"Delete {name!r}, a {whose}? There is no undo.", yes)
    server.log.filters.delete(name, shared=shared)
    say(f"Deleted the filter {name}.")


def _minutes(span: str) -> int:
    number, unit = span[:-1], span[-1:].lower()
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise InvalidInput.of("last", f"is {span!r}; write 90m, 24h or 7d")
    return int(number) * _UNITS[unit]

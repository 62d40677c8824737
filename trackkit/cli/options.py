"""``trackkit options``: the server's options by name. Secrets go in by reference and never come out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import write_new
from trackkit.cli.output import AsJson, counted, fields, json_of, json_rows, local_time, note, say, table
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.options import OptionsState, OptionValue, Plan
    from trackkit.domain.declared import Declaration


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
    fields([(info.name, _shown(option)), ("Title", info.title), *_explained(info)])


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
    """Change options, all or none. A secret's VALUE is - (asked for, or standard input) or env:, file:, keyring:…"""
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
    waiting = [option.name for option in state.options if option.restart_needed and option.name not in state.notes]
    if waiting:  # the server is older and says no more
        note(f"Takes effect at the server's next start: {', '.join(waiting)}")
    for name, words in state.notes.items():
        note(f"{name}: {words}")
    for warning in state.warnings:
        note(f"Warning: {warning}")


File = Annotated[Path, typer.Argument(help="An options file; - reads standard input.")]


@app.command()
@on_server
def export(
    server: "Server",
    file: Annotated[Path | None, typer.Argument(help="Where to write; none = standard output.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Also options that have their default.")] = False,
) -> None:
    """Write the options into a file, without secrets."""
    exported = server.options.export(everything)
    if file is None:
        say(exported.text.rstrip("\n"))
    else:
        write_new(file, exported.text.encode())
    if exported.secrets:
        note(f"Set, but in no file: {', '.join(exported.secrets)}. Give a reference where the file shall set them.")


@app.command()
@on_server
def plan(server: "Server", file: File, as_json: AsJson = False) -> None:
    """Show what a file would change; nothing is changed."""
    found = server.options.plan(_text(file))
    if as_json:
        json_of(found)
    else:
        _tell_plan(found)


@app.command()
@on_server
def apply(server: "Server", file: File, yes: Yes = False, as_json: AsJson = False) -> None:
    """Change the options to what a file says, all or none. Secrets it refers to are read on this machine."""
    text = _text(file)
    found = server.options.plan(text)
    _ask(found, "Change", yes, as_json)
    changed = server.options.apply(text, found.revisions)
    _tell_done(found, changed, as_json)


@app.command()
@on_server
def history(
    server: "Server",
    limit: Annotated[int, typer.Option(help="At most so many changes.", min=1, max=100_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who changed which options, newest first."""
    sets = list(server.options.history_each(limit))
    if as_json:
        json_rows([one.model_dump(mode="json") for one in sets])
        return
    rows = []
    for one in sets:
        what = one.operation.partition(".")[2] + (f" of {one.reverts}" if one.reverts else "")
        for changed in one.changes:
            ends = (_word(changed.before) or "(none)", _word(changed.after) or "(none)")
            rows.append((one.change_id, local_time(one.at), one.username, what, changed.name, *ends))
    columns = ("Change", "At", "By", "How", "Option", "Before", "After")
    table(columns, rows, empty="No option was changed yet.", wrap=("Before", "After"))


@app.command()
@on_server
def revert(
    server: "Server",
    change_id: Annotated[int, typer.Argument(metavar="CHANGE", help="Its number in `trackkit options history`.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put back the values that a change replaced, as a new change. Secrets cannot be."""
    found = server.options.plan_revert(change_id)
    _ask(found, "Put back", yes, as_json)
    changed = server.options.revert(change_id, found.revisions, anyway=True)
    _tell_done(found, changed, as_json)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="An option, or a group such as sending.smtp; none = all.")] = "",
) -> None:
    """Explain options: what each is for, its range and default. Needs no server."""
    from trackkit.domain.options import catalogue, checked_name

    found = [info for info in catalogue().values() if not name or f"{info.name}.".startswith(f"{name}.")]
    if not found:
        checked_name(name)
    for at, info in enumerate(found):
        if at:
            say()
        fields([(info.name, info.title), *_explained(info)])


def _explained(info: "Declaration") -> list[tuple[str, object]]:
    bounds = f"{info.minimum} to {info.maximum}" if info.minimum is not None else ", ".join(info.choices)
    return [
        ("Kind", info.kind),
        ("Range", bounds),
        ("Unit", info.unit),
        ("Default", "-" if info.default is None else _word(info.default)),
        ("Needs restart", "yes" if info.restart else "no"),
        ("Meaning", info.help),
    ]


def _text(file: Path) -> str:
    from trackkit.client.options import decoded, text_of

    return decoded(sys.stdin.buffer.read(), "standard input") if str(file) == "-" else text_of(file)


def _ask(found: "Plan", verb: str, yes: bool, as_json: bool) -> None:
    """Show a plan and ask about it; a plan without changes needs no answer."""
    if not as_json:
        _tell_plan(found)
    if found.changes:
        lines = [*found.conflicts, *found.warnings, f"{verb} {counted(len(found.changes), 'option')}?"]
        confirm("\n".join(lines), yes)


def _tell_plan(found: "Plan") -> None:
    table(
        ("Option", "Now", "Then", ""),
        [
            (one.name, one.before or "(none)", one.after or "(none)", "restart" if one.restart else "")
            for one in found.changes
        ],
        empty="Nothing would change.",
        wrap=("Now", "Then"),
    )
    for name, words in found.notes.items():
        note(f"{name}: {words}")
    for warning in found.warnings:
        note(f"Warning: {warning}")
    for conflict in found.conflicts:
        note(f"Changed since: {conflict}")
    if found.left_out:
        note(f"Cannot be put back, because old secrets are not kept: {', '.join(found.left_out)}")


def _tell_done(found: "Plan", changed: "OptionsState", as_json: bool) -> None:
    if as_json:
        json_of(changed)
        return
    say(f"Changed {counted(len(found.changes), 'option')}." if found.changes else "Nothing was changed.")
    _tell(changed)

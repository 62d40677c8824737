"""``trackkit mail suggest``: settings for sending are found, shown with where they are from, and used if wanted."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli import secrets
from trackkit.cli.asking import Yes, at_terminal
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, fields, json_of, note, say, table
from trackkit.domain.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from pydantic import SecretStr

    from trackkit.client import Server
    from trackkit.contract.suggest import Candidate, Suggestions

ADVICE = "Use one: trackkit mail suggest ... --apply, with --choose NUMBER if not the first."


@on_server
def suggest(
    server: "Server",
    about: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="An e-mail address, a domain, or a host's IP address.")
    ] = "",
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="Try this host instead of the domain's usual ones, also in a private network."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Connect also to what lies in private networks and on the server.")
    ] = False,
    thunderbird: Annotated[
        bool, typer.Option("--thunderbird", help="Look also at what Thunderbird on this machine sends by.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Set the options to a suggestion (asks first).")] = False,
    choose: Annotated[int, typer.Option("--choose", help="Which suggestion, by its number.", min=1)] = 1,
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            metavar="SOURCE",
            help=f"The mail account's password: {secrets.SOURCES}.",
            callback=secrets.option("password"),
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Find settings for sending for an address or a domain. Nothing is changed without --apply."""
    if not about and not thunderbird:
        raise InvalidInput.of("ADDRESS", "is missing; give an e-mail address or a domain, or --thunderbird")
    if apply and as_json:
        raise InvalidInput.of("--json", "shows what is found; it cannot be given together with --apply")
    if at_terminal():
        note("Looking, for twenty seconds at most.")
    found = server.mail.suggest(about, hosts=host or (), private=private, thunderbird=thunderbird)
    if as_json:
        json_of(found)
    else:
        _tell(found)
    if apply:
        _use(server, found, choose, password, yes)
    elif found.candidates and not as_json:
        note(ADVICE)


def _tell(found: "Suggestions") -> None:
    for number, one in enumerate(found.candidates, 1):
        say(f"{number}. {one.fix.words}  ({one.where})")
        shown = [(name, value) for name, value in one.changes.items() if value is not None]
        fields([*shown, *(("", words) for words in one.words), *(("Needed besides", name) for name in one.needs)])
        say()
    table(
        ("Source", "Result", "What it has"),
        [(one.source.replace("_", " "), one.result.replace("_", " "), one.words) for one in found.sources],
        empty="No source was asked.",
        wrap=("What it has",),
    )


def _use(server: "Server", found: "Suggestions", number: int, password: str | None, yes: bool) -> None:
    """Set the options to a suggestion; a password that is needed is asked for."""
    if number > len(found.candidates):
        few = f"There are {len(found.candidates)} suggestions" if found.candidates else "Nothing was found"
        raise NotFound(f"{few}; nothing was changed.", "Look at what each source says, or name a host with --host.")
    chosen = found.candidates[number - 1]
    given = _password(chosen, password)
    if missing := [name for name in chosen.needs if name not in given]:
        raise InvalidInput(
            f"This suggestion needs more than can be found: {', '.join(missing)}; nothing was changed.",
            "Set it together with the rest: trackkit options set NAME=VALUE ...",
        )
    from trackkit.cli import fixing

    fixing.apply(server, chosen.fix, yes, given)


def _password(chosen: "Candidate", source: str | None) -> "dict[str, SecretStr]":
    name = "sending.smtp.password"
    if source is None and name not in chosen.needs:
        return {}
    return {name: secrets.resolve(source or "-", name)}

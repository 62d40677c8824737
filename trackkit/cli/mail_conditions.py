"""Which mail of the queue a command is about: ids, or conditions that are counted first."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import work
from trackkit.cli.asking import confirm
from trackkit.cli.conditions import Options, takes
from trackkit.cli.output import counted, note
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server

_OPTIONS: Options = {
    "state": (Annotated[State | None, typer.Option("--state", help="Only messages in this state.")], None),
    "cause": (
        Annotated[str | None, typer.Option("--cause", help="Only with this diagnosis, as `mail groups` has it.")],
        None,
    ),
    "text": (Annotated[str | None, typer.Option("--text", help="Found in subject, sender or a recipient.")], None),
    "subject": (Annotated[str | None, typer.Option("--subject", help="Found in the subject.")], None),
    "sender": (
        Annotated[str | None, typer.Option("--from", help="Found in the envelope sender; <> is the null sender.")],
        None,
    ),
    "domain": (Annotated[str | None, typer.Option("--domain", help="With a recipient in this domain.")], None),
    "destination": (
        Annotated[
            str | None,
            typer.Option("--destination", help="For that destination, as `mail groups` has it: a domain or a relay."),
        ],
        None,
    ),
    "older_than": (
        Annotated[
            str | None, typer.Option("--older-than", metavar="AGE", help="Queued so long ago: 30m, 12h, 2d, 1w.")
        ],
        None,
    ),
    "younger_than": (
        Annotated[str | None, typer.Option("--younger-than", metavar="AGE", help="Queued less long ago.")],
        None,
    ),
    "deletion": (
        Annotated[
            int | None, typer.Option("--deletion", metavar="JOB", help="What that deletion by conditions has deleted.")
        ],
        None,
    ),
}
_ALL = (Annotated[bool, typer.Option("--all", help="All mail that is not deleted.")], False)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def takes_mail_filter(*, acts: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command whose second parameter is a dict of the conditions that were given.

    Parameters
    ----------
    acts: the command changes something, so that all mail has to be asked for by ``--all``, which then is among them.
    """
    return takes({**_OPTIONS, "all": _ALL} if acts else _OPTIONS, _read)


def _read(given: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    for name in ("older_than", "younger_than"):
        if name in wanted:
            wanted[name] = _age(f"--{name.replace('_', '-')}", wanted[name])
    return wanted


def _age(option: str, text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if match is None:
        raise InvalidInput.of(option, f"is {text!r}; write 30m, 12h, 2d or 1w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def check_chosen(queue_ids: list[str] | None, wanted: dict[str, Any]) -> None:
    """`InvalidInput` unless either ids or conditions are given."""
    if bool(queue_ids) == bool(wanted):
        raise InvalidInput.of("queue_ids", "are needed: give ids, or conditions such as --state or --all; not both")
    if "all" in wanted and len(wanted) > 1:
        raise InvalidInput.of("--all", "means all mail; leave it out, or the other conditions")


def act_on_matching(
    server: "Server", verb: str, wanted: dict[str, Any], will: str, *, asks: bool, as_json: bool
) -> None:
    """Count what matches, say or ask it, do it, and wait for the end.

    Parameters
    ----------
    will: what will happen to them.
    """
    from trackkit.client.mail_where import in_numbers, not_in_them

    matching = server.mail.where(**{name: value for name, value in wanted.items() if name != "all"})
    found = matching.count(verb)
    if not found.applies:
        raise InvalidInput(
            f"{counted(found.messages, 'message')} in the queue {'matches' if found.messages == 1 else 'match'}, "
            f"and {verb} applies to none; nothing was changed."
        )
    numbers, others = in_numbers(found), not_in_them(found)
    if asks:
        confirm(f"{verb.capitalize()} {numbers}? {will} {others}".rstrip(), yes=False)
    else:
        note(f"{verb.capitalize()}: {numbers}. {others}".rstrip())
    running = getattr(matching, verb)()
    work.finish(running, as_json=as_json)
    if verb == "delete":
        note(undo_words(running.job.job_id))


def undo_words(job_id: int) -> str:
    """How a deletion by filter is taken back."""
    return f"For ten minutes this takes it back: trackkit mail undelete --deletion {job_id}"

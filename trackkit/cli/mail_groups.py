"""``trackkit mail groups`` and ``trackkit mail fix``: stuck mail by cause, and doing what helps."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli import work
from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.mail_conditions import takes_mail_filter, undo_words
from trackkit.cli.output import AsJson, counted, json_of, note, say, table
from trackkit.domain.ages import Age, in_words
from trackkit.domain.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.client.mail_groups import Group
    from trackkit.contract.mail import DiagnosisView


@on_server
def groups(
    server: "Server",
    cause: Annotated[str | None, typer.Option("--cause", help="Only this diagnosis.")] = None,
    destinations: Annotated[
        int, typer.Option("--destinations", help="How many of each cause are told.", min=1, max=500)
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Show stuck mail by cause, destination and age, with the next step."""
    found = server.mail.groups(cause, destinations)
    if as_json:
        json_of(found.answer)
        return
    if not len(found):
        say("No mail waits for this." if cause else "No mail is in the queue.")
    now = datetime.now(UTC)
    for group in found:
        say(f"{group.cause}: {group.diagnosis.title}. {counted(group.messages, 'message')}.")
        say(group.diagnosis.words)
        say(f"Next step: {group.diagnosis.next_step}")
        table(
            ("Destination", "Messages", "Oldest", *(age.words for age in Age)),
            [_line(part, now) for part in group.parts],
            empty="",
        )
        if group.destinations_in_all > len(group.parts):
            note(f"{len(group.parts):,} of {group.destinations_in_all:,} destinations.")


def _line(group: "Group", now: datetime) -> tuple[Any, ...]:
    ages = {one.age: one.messages for one in group.parts}
    return (
        group.destination or "(none)",
        group.messages,
        in_words(now - group.oldest_queued_at),
        *(ages.get(age, "") for age in Age),
    )


@on_server
@takes_mail_filter()
def fix(
    server: "Server",
    wanted: dict[str, Any],
    queue_id: Annotated[str | None, typer.Argument(metavar="[QUEUE_ID]", help="The message's id in the queue.")] = None,
    yes: Yes = False,
) -> None:
    """Do what the diagnosis of a message, or of all mail with a --cause, offers (asks first)."""
    if bool(queue_id) == ("cause" in wanted) or (queue_id and wanted):
        raise InvalidInput.of("queue_id", "or --cause is needed: whose diagnosis it is; not both")
    if queue_id:
        why = server.mail.show(queue_id).message.diagnosis
        _say_why(why)
        if why.fix is None:
            raise Conflict("Nothing can be done here by a command alone.", why.next_step)
        from trackkit.cli import fixing

        fixing.apply(server, why.fix, yes)
        return
    _fix_all(server, wanted, yes)


def _fix_all(server: "Server", wanted: dict[str, Any], yes: bool) -> None:
    from trackkit.client.next_step import next_step, verb_of
    from trackkit.contract.mail_bulk import QueueVerb

    found = [one for one in server.mail.summary().causes if one.diagnosis.cause == wanted["cause"]]
    if not found:
        raise NotFound(f"No mail waits for {wanted['cause']}.", "`trackkit mail groups` shows what mail waits for.")
    why = found[0].diagnosis
    _say_why(why)
    step = next_step(server, why, wanted)
    confirm(step.question, yes)
    said, running = step.begin()
    if said:
        say(said)
    if running:
        work.finish(running)
        if verb_of(why) is QueueVerb.delete:
            note(undo_words(running.job.job_id))


def _say_why(why: "DiagnosisView") -> None:
    say(f"{why.title}: {why.words}")

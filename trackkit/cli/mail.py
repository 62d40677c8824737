"""``trackkit mail``: the queue, and what can be done with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import hand_over, read
from trackkit.cli.mail_conditions import act_on_matching, check_chosen, takes_mail_filter
from trackkit.cli.output import AsJson, counted, fields, json_of, local_time, note, plain, say, size, table
from trackkit.cli.times import instant

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.mail import MessageDetail, VerbResults

app = typer.Typer(no_args_is_help=True, help="The mail queue.")

QueueId = Annotated[str, typer.Argument(help="The message's id in the queue.", metavar="QUEUE_ID")]
QueueIds = Annotated[list[str] | None, typer.Argument(help="Ids in the queue.", metavar="[QUEUE_ID]...")]
Limit = Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=5000)]


@app.command("list")
@on_server
@takes_mail_filter()
def list_queue(
    server: "Server",
    wanted: dict[str, Any],
    limit: Limit = 200,
    before: Annotated[str | None, typer.Option("--before", help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the queue, newest first."""
    page = server.mail.list(before=before, limit=limit, **wanted)
    if as_json:
        json_of(page)
        return
    now = datetime.now(UTC)
    table(
        ("Id", "State", "Tries", "Age", "Date", "Next attempt", "Sender", "Subject", "Why"),
        [
            (
                message.queue_id,
                message.state,
                message.attempts,
                _age(now - message.queued_at),
                local_time(message.queued_at),
                local_time(message.next_attempt_at),
                message.sender or "<>",
                message.subject,
                message.diagnosis.title,
            )
            for message in page.messages
        ],
        empty="No mail in the queue matches." if wanted else "No mail is in the queue.",
        wrap=("Subject", "Why"),
    )
    if page.next_before:
        note(f"{len(page.messages):,} of {page.total:,}. Go on with --before {page.next_before}")


@app.command()
@on_server
def show(server: "Server", queue_id: QueueId, as_json: AsJson = False) -> None:
    """Show a message: recipients, attempts, diagnosis, the last SMTP conversation."""
    detail = server.mail.show(queue_id)
    if as_json:
        json_of(detail)
    else:
        _show(detail)


def _show(detail: "MessageDetail") -> None:
    message = detail.message
    fields(
        [
            ("Id", message.queue_id),
            ("Date", local_time(message.queued_at)),
            ("State", message.state),
            ("Subject", message.subject),
            ("Sender", message.sender or "<>"),
            ("Message-ID", detail.message_id),
            ("Size", size(message.size)),
            ("Submitted by", detail.submitted_by),
            ("Told of a delay", local_time(detail.warned_at)),
            ("Diagnosis", message.diagnosis.words),
            ("Next step", message.diagnosis.next_step),
        ]
    )
    _show_recipients(detail)
    _show_attempts(detail)
    for title, text in (
        ("Conversation of the last attempt", detail.conversation),
        ("Headers", detail.headers),
        ("Text", detail.preview),
    ):
        if text:
            say(f"{title}\n{text.replace(chr(13) + chr(10), chr(10))}\n")


def _show_recipients(detail: "MessageDetail") -> None:
    table(
        ("Recipient", "Type", "State", "Tries", "Next attempt", "Send error", "Next step"),
        [
            (
                r.address,
                r.mail_type,
                r.state,
                r.tries,
                local_time(r.next_attempt_at),
                r.send_error,
                r.diagnosis.next_step,
            )
            for r in detail.recipients
        ],
        empty="No recipients.",
        wrap=("Send error", "Next step"),
    )


def _show_attempts(detail: "MessageDetail") -> None:
    table(
        ("Attempt", "Recipient", "Host", "Stage", "Outcome", "Code", "Reply"),
        [
            (
                local_time(a.started_at),
                a.recipient,
                a.host,
                a.stage,
                a.verdict,
                _code(a.smtp_code, a.enhanced_code),
                a.text,
            )
            for a in detail.attempts
        ],
        empty="No attempt yet.",
        wrap=("Reply",),
    )


@app.command()
@on_server
def raw(
    server: "Server",
    queue_id: QueueId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this new file.")] = None,
) -> None:
    """Print a message's bytes exactly as they were submitted; at a terminal with control characters escaped."""
    message = server.mail.raw(queue_id)
    hand_over(message, output)


@app.command()
@on_server
def submit(
    server: "Server",
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Messages (RFC 5322); - reads one from standard input.")
    ],
    sender: Annotated[str, typer.Option("--from", metavar="A", help="Envelope sender; '' is the null sender.")],
    recipients: Annotated[
        list[str] | None, typer.Option("--to", metavar="B", help="Envelope recipient; repeat for more.")
    ] = None,
    mapi_recipients: Annotated[
        list[str] | None,
        typer.Option("--to-mapi", metavar="NAME", help="Recipient with an address of MAPI's; repeat for more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand messages to the queue. Each is on disk when its line appears."""
    for name, message in [(str(file), read(file)) for file in files]:
        submitted = server.mail.submit(
            message, sender=sender, recipients=recipients or (), mapi_recipients=mapi_recipients or ()
        )
        if as_json:
            typer.echo(submitted.model_dump_json(ensure_ascii=True))
        else:
            say(f"{submitted.queue_id}  {name}  {size(submitted.size)}")


@app.command("edit-recipient")
@on_server
def edit_recipient(
    server: "Server",
    queue_id: QueueId,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The wrong address.")],
    new_address: Annotated[str, typer.Argument(metavar="NEW_ADDRESS", help="The right one.")],
    as_json: AsJson = False,
) -> None:
    """Correct the address of a recipient. Its tries begin anew, and one that failed is due now; a hold stays."""
    edited = server.mail.edit_recipient(queue_id, address, new_address)
    if as_json:
        json_of(edited)
    else:
        say(f"{edited.queue_id}  {edited.address} is {edited.state}")


@app.command()
@on_server
@takes_mail_filter(acts=True)
def reattempt(
    server: "Server", wanted: dict[str, Any], queue_ids: QueueIds = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Make deferred and failed mail due now (asks first)."""
    _act(server, "reattempt", queue_ids, wanted, as_json, asks=not yes)


@app.command()
@on_server
@takes_mail_filter(acts=True)
def hold(server: "Server", wanted: dict[str, Any], queue_ids: QueueIds = None, as_json: AsJson = False) -> None:
    """Hold queued and deferred mail until it is released."""
    _act(server, "hold", queue_ids, wanted, as_json)


@app.command()
@on_server
@takes_mail_filter(acts=True)
def release(server: "Server", wanted: dict[str, Any], queue_ids: QueueIds = None, as_json: AsJson = False) -> None:
    """Release held mail."""
    _act(server, "release", queue_ids, wanted, as_json)


@app.command()
@on_server
@takes_mail_filter(acts=True)
def delete(
    server: "Server", wanted: dict[str, Any], queue_ids: QueueIds = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Delete mail from the queue (asks first). For ten minutes undelete takes it back, by ids or --deletion."""
    _act(server, "delete", queue_ids, wanted, as_json, asks=not yes)


@app.command()
@on_server
@takes_mail_filter(acts=True)
def undelete(server: "Server", wanted: dict[str, Any], queue_ids: QueueIds = None, as_json: AsJson = False) -> None:
    """Bring back deleted mail; conditions say how it was before it was deleted."""
    _act(server, "undelete", queue_ids, wanted, as_json)


@app.command()
@on_server
def history(
    server: "Server",
    limit: Limit = 200,
    before: Annotated[int | None, typer.Option("--before", help="Go on after this history id.")] = None,
    recipient: Annotated[str | None, typer.Option("--to", help="Only recipients that hold this.")] = None,
    sender: Annotated[str | None, typer.Option("--from", help="Only senders that hold this.")] = None,
    message_id: Annotated[str | None, typer.Option("--message-id", help="Only Message-IDs that hold this.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Sent at this time or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Sent before this time.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the mail that has left, newest first, one line a recipient."""
    page = server.mail.history(
        before,
        limit,
        recipient=recipient,
        sender=sender,
        message_id=message_id,
        since=instant("--since", since),
        until=instant("--until", until),
    )
    if as_json:
        json_of(page)
        return
    table(
        ("Sent", "Recipient", "Sender", "Subject", "Host", "Reply", "Tries"),
        [
            (local_time(s.sent_at), s.recipient, s.sender or "<>", s.subject, s.host, s.reply, s.tries)
            for s in page.sent
        ],
        empty="No mail that has left matches.",
        wrap=("Subject", "Reply"),
    )
    if page.next_before is not None:
        total = f"{page.total:,}" if page.total_is_exact else f"more than {page.total:,}"
        note(f"{len(page.sent):,} of {total}. Go on with --before {page.next_before}")


@app.command()
@on_server
def summary(server: "Server", as_json: AsJson = False) -> None:
    """Show the queue by state and by cause, with the next step."""
    found = server.mail.summary()
    if as_json:
        json_of(found)
        return
    states = [(state, number) for state, number in found.states.items() if number]
    table(("State", "Messages"), states, empty="No mail is in the queue.")
    if found.causes:
        table(
            ("Messages", "Oldest", "Why", "Next step"),
            [
                (cause.messages, local_time(cause.oldest_queued_at), cause.diagnosis.words, cause.diagnosis.next_step)
                for cause in found.causes
            ],
            empty="",
            wrap=("Why", "Next step"),
        )


_WILL = {
    "reattempt": "Recipients that were not reached become due now; a pause and holds still apply.",
    "delete": "What was not sent yet will not be sent. For ten minutes `trackkit mail undelete` takes it back.",
}
_DONE = {
    "reattempt": "due now",
    "hold": "held",
    "release": "released",
    "delete": "deleted",
    "undelete": "brought back",
}


def _act(
    server: "Server",
    verb: str,
    queue_ids: list[str] | None,
    wanted: dict[str, Any],
    as_json: bool,
    *,
    asks: bool = False,
) -> None:
    """Do a verb to messages that are named, or to all that match."""
    check_chosen(queue_ids, wanted)
    will = _WILL.get(verb, "")
    if wanted:
        act_on_matching(server, verb, wanted, will, asks=asks, as_json=as_json)
        return
    ids = queue_ids or []
    confirm(f"{verb.capitalize()} {counted(len(ids), 'message')}? {will}", yes=not asks)
    _report(getattr(server.mail, verb)(ids), _DONE[verb], as_json)


def _report(results: "VerbResults", done: str, as_json: bool) -> None:
    """What became of each message; exit code 1 when the verb did not apply to some of them."""
    if as_json:
        json_of(results)
    else:
        for result in results.results:
            words = done if result.done else f"unchanged: {result.reason}"
            say(f"{plain(result.queue_id)}  {words}")
    if not all(result.done for result in results.results):
        raise typer.Exit(1)


def _age(age: timedelta) -> str:
    minutes = max(int(age.total_seconds()) // 60, 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // 1440} d"


def _code(smtp_code: int | None, enhanced_code: str) -> str:
    return f"{smtp_code or ''} {enhanced_code}".strip()

"""``trackkit mail``: the queue, and what can be done with it."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import read, write_new
from trackkit.cli.output import AsJson, counted, fields, json_of, local_time, note, plain, say, size, table
from trackkit.cli.times import instant
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.mail import MessageDetail, VerbResults

app = typer.Typer(no_args_is_help=True, help="The mail queue.")

QueueId = Annotated[str, typer.Argument(help="The message's id in the queue.", metavar="QUEUE_ID")]
QueueIds = Annotated[list[str] | None, typer.Argument(help="Ids in the queue.", metavar="[QUEUE_ID]...")]
Every = Annotated[State | None, typer.Option("--state", help="All messages in this state, instead of ids.")]
Limit = Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=5000)]


@app.command("list")
@on_server
def list_queue(
    server: "Server",
    state: Annotated[State | None, typer.Option("--state", help="Only messages in this state.")] = None,
    limit: Limit = 200,
    before: Annotated[str | None, typer.Option("--before", help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the queue, newest first."""
    page = server.mail.list(state, before, limit)
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
        empty="No mail is in the queue." if state is None else f"No mail in the queue is {state}.",
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
    for title, text in (
        ("Conversation of the last attempt", detail.conversation),
        ("Headers", detail.headers),
        ("Text", detail.preview),
    ):
        if text:
            say(f"{title}\n{text.replace(chr(13) + chr(10), chr(10))}\n")


@app.command()
@on_server
def raw(
    server: "Server",
    queue_id: QueueId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this new file.")] = None,
) -> None:
    """Print a message's bytes exactly as they were submitted; at a terminal with control characters escaped."""
    message = server.mail.raw(queue_id)
    if output is not None:
        write_new(output, message)
    elif sys.stdout.isatty():
        say(message.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
    else:
        sys.stdout.buffer.write(message)
        sys.stdout.buffer.flush()


@app.command()
@on_server
def submit(
    server: "Server",
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Messages (RFC 5322); - reads one from standard input.")
    ],
    sender: Annotated[str, typer.Option("--from", metavar="A", help="Envelope sender; '' is the null sender.")],
    recipients: Annotated[list[str], typer.Option("--to", metavar="B", help="Envelope recipient; repeat for more.")],
    as_json: AsJson = False,
) -> None:
    """Hand messages to the queue. Each is on disk when its line appears."""
    for name, message in [(str(file), _read(file)) for file in files]:
        submitted = server.mail.submit(message, sender=sender, recipients=recipients)
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
def reattempt(
    server: "Server", queue_ids: QueueIds = None, state: Every = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Make deferred and failed mail due now (asks first)."""
    ids = _chosen(server, queue_ids, state)
    confirm(
        f"Reattempt {counted(len(ids), 'message')}? Recipients that were not reached become due now; "
        "a pause and holds still apply.",
        yes,
    )
    _report(server.mail.reattempt(ids), "due now", as_json)


@app.command()
@on_server
def hold(server: "Server", queue_ids: QueueIds = None, state: Every = None, as_json: AsJson = False) -> None:
    """Hold queued and deferred mail until it is released."""
    _report(server.mail.hold(_chosen(server, queue_ids, state)), "held", as_json)


@app.command()
@on_server
def release(server: "Server", queue_ids: QueueIds = None, state: Every = None, as_json: AsJson = False) -> None:
    """Release held mail."""
    _report(server.mail.release(_chosen(server, queue_ids, state)), "released", as_json)


@app.command()
@on_server
def delete(
    server: "Server", queue_ids: QueueIds = None, state: Every = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Delete mail from the queue (asks first; can be undone for ten minutes)."""
    ids = _chosen(server, queue_ids, state)
    confirm(
        f"Delete {counted(len(ids), 'message')} from the queue? What was not sent yet will not be "
        "sent. For ten minutes `trackkit mail undelete` takes it back.",
        yes,
    )
    _report(server.mail.delete(ids), "deleted", as_json)


@app.command()
@on_server
def undelete(server: "Server", queue_ids: QueueIds = None, state: Every = None, as_json: AsJson = False) -> None:
    """Bring deleted mail back."""
    _report(server.mail.undelete(_chosen(server, queue_ids, state)), "brought back", as_json)


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


def _chosen(server: "Server", queue_ids: list[str] | None, state: State | None) -> list[str]:
    if (state is None) == (not queue_ids):
        raise InvalidInput.of("queue_ids", "are needed: give ids, or --state; not both")
    ids = queue_ids or [message.queue_id for message in server.mail.each(state)]
    if not ids:
        raise InvalidInput(f"No message in the queue is {state}; nothing was changed.")
    return ids


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


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else read(file)


def _age(age: timedelta) -> str:
    minutes = max(int(age.total_seconds()) // 60, 0)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // 1440} d"


def _code(smtp_code: int | None, enhanced_code: str) -> str:
    return f"{smtp_code or ''} {enhanced_code}".strip()

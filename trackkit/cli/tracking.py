"""``trackkit tracking``: how mail comes in, and what came."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes
from trackkit.cli.choosing import on_server
from trackkit.cli.files import hand_over
from trackkit.cli.mail_test import AsJsonLines, test_and_mend
from trackkit.cli.output import AsJson, counted, fields, json_of, json_rows, local_time, note, plain, say, size, table
from trackkit.cli.times import instant

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.tracking import MailboxView

app = typer.Typer(no_args_is_help=True, help="E-mail tracking: mailboxes, what came in, the set-up of projects.")
inbox = typer.Typer(no_args_is_help=True, help="Mails that were fetched, and what became of each.")
app.add_typer(inbox, name="inbox")

Database = Annotated[
    str | None, typer.Option("--database", metavar="NAME", help="Of this project, by the name of its database.")
]
InboxId = Annotated[int, typer.Argument(metavar="ID", help="From `trackkit tracking inbox list`.", min=1)]


@app.command()
@on_server
def status(server: "Server", as_json: AsJson = False) -> None:
    """Show how fetching from each mailbox goes, what came in, probe mails."""
    found = server.tracking.status()
    if as_json:
        json_of(found)
        return
    if not found.enabled:
        say("E-mail tracking is off (tracking.enabled).")
    table(
        ("Mailbox", "Address", "Projects", "Fetched from", "Waiting", "Waiting since", "Trouble"),
        [
            (
                *(one.mailbox, one.address, ", ".join(one.databases), local_time(one.succeeded_at)),
                *(one.waiting, local_time(one.waiting_since), _trouble(one)),
            )
            for one in found.mailboxes
        ],
        empty="No mailbox is fetched from.",
        wrap=("Projects", "Trouble"),
    )
    states = ", ".join(f"{number:,} {state}" for state, number in sorted(found.counts.items()))
    say(f"\nCame in: {states or 'nothing yet'}")
    say(f"Cookies are signed with key {found.key_id}; {counted(found.keys, 'key')} taken.")
    if found.round_trips:
        say()
        table(
            ("Probe mail sent", "Mailbox", "Queue id", "Came back"),
            [(local_time(t.sent_at), t.mailbox, t.queue_id, local_time(t.returned_at)) for t in found.round_trips],
            empty="",
        )


def _trouble(one: "MailboxView") -> str:
    if one.failing_since is None:
        return ""
    return f"since {local_time(one.failing_since)}: {one.words} {one.advice}"


@app.command()
@on_server
def poll(server: "Server", database: Database = None, as_json: AsJson = False) -> None:
    """Fetch mail now, from every mailbox or from a project's; exit code 1 if one fails."""
    found = server.tracking.poll(database)
    if as_json:
        json_of(found)
    for one in () if as_json else found.mailboxes:
        words = f": {plain(one.words)}" if one.words else ""
        say(f"{one.mailbox}  {counted(one.fetched, 'message')} fetched, {one.removed:,} removed there{words}")
    if any(one.words for one in found.mailboxes):
        raise typer.Exit(1)


@app.command("test")
@on_server
def mailbox_test(server: "Server", database: Database = None, as_json: AsJsonLines = False, yes: Yes = False) -> None:
    """Test the server's mailbox, or a project's, step by step; nothing is fetched or deleted there."""
    test_and_mend(server, lambda: server.tracking.test(database), as_json, yes)


@inbox.command("list")
@on_server
def list_inbox(
    server: "Server",
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state", help="fetched, attached, duplicate, untracked, quarantined, discarded; may be repeated."
        ),
    ] = None,
    database: Database = None,
    text: Annotated[str | None, typer.Option("--text", help="Held by author, subject or reason.")] = None,
    after: Annotated[int | None, typer.Option("--after", help="Go on after this id.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=2000)] = 200,
    as_json: AsJson = False,
) -> None:
    """List mails that came in, newest first."""
    page = server.tracking.inbox(state or (), database=database, text=text, after=after, limit=limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Id", "Fetched", "State", "Kind", "Size", "Author", "Subject", "Filed", "Why"),
        [
            (
                *(one.inbox_id, local_time(one.fetched_at), one.state, one.kind, size(one.size), one.author),
                *(one.subject, f"{one.database}: {one.record}" if one.record else "", one.reason),
            )
            for one in page.items
        ],
        empty="No mail that came in matches.",
        wrap=("Author", "Subject", "Why"),
    )
    if page.next_after is not None:
        note(f"{len(page.items):,} of {page.total:,}. Go on with --after {page.next_after}")


@inbox.command()
@on_server
def show(server: "Server", inbox_id: InboxId, as_json: AsJson = False) -> None:
    """Show a mail that came in."""
    one = server.tracking.show(inbox_id)
    if as_json:
        json_of(one)
        return
    fields(
        [
            ("Id", one.inbox_id),
            ("Mailbox", one.mailbox),
            ("Fetched", local_time(one.fetched_at)),
            ("State", one.state),
            ("Rule", one.rule),
            ("Why", one.reason),
            ("Kind", one.kind),
            ("Author", one.author),
            ("Subject", one.subject),
            ("Size", size(one.size)),
            ("SHA-256", one.sha256),
            ("Filed", f"{one.database}: {one.record}, e-mail {one.email}" if one.record else ""),
            ("Bytes", "in the inbox" if one.kept else "not in the inbox"),
        ]
    )


@inbox.command()
@on_server
def raw(
    server: "Server",
    inbox_id: InboxId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this new file.")] = None,
) -> None:
    """Print the bytes of a mail as they were fetched; at a terminal with control characters escaped."""
    hand_over(server.tracking.raw(inbox_id), output)


@app.command()
@on_server
def answers(
    server: "Server",
    database: Annotated[str, typer.Argument(metavar="NAME", help="A project, by the name of its database.")],
    since: Annotated[str | None, typer.Option("--since", help="2026-01-31 or 2026-01-31T14:00.")] = None,
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Only what nobody has answered yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the tracked e-mails that people wrote, and when each was first answered."""
    every = server.tracking.each_answer(database, instant("since", since))
    found = [one for one in every if not (unanswered and one.answered_at)]
    if as_json:
        json_rows([one.model_dump(mode="json") for one in found])
        return
    table(
        ("E-mail", "Record", "Direction", "User", "Date", "Answered", "Bounced"),
        [
            (
                *(one.number, one.record, one.direction, one.user, local_time(one.at)),
                *(local_time(one.answered_at), "yes" if one.bounced else ""),
            )
            for one in found
        ],
        empty="Every e-mail is answered." if unanswered else "No tracked e-mail was written yet.",
    )

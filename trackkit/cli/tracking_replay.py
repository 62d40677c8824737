"""``trackkit tracking quarantine | replay | reprocess | discard | rotate-key``: what was not filed, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import read
from trackkit.cli.output import AsJson, counted, fields, json_of, json_rows, local_time, note, say, table
from trackkit.cli.tracking import Database, InboxId
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.inbox import InboxMail, Replay


@on_server
def quarantine(server: "Server", as_json: AsJson = False) -> None:
    """List the mails that somebody has to look at, newest first; `trackkit tracking replay ID` says why."""
    found = server.tracking.quarantine()
    if as_json:
        json_rows([one.model_dump(mode="json") for one in found])
        return
    table(
        ("Id", "Fetched", "Author", "Subject", "Rule", "Why"),
        [(one.inbox_id, local_time(one.fetched_at), one.author, one.subject, one.rule, one.reason) for one in found],
        empty="No mail is in quarantine.",
        wrap=("Author", "Subject", "Why"),
    )


@on_server
def replay(
    server: "Server",
    mail: Annotated[str, typer.Argument(metavar="ID|FILE.eml", help="A mail of the inbox by its id, or a file.")],
    database: Annotated[
        str | None, typer.Option("--database", metavar="NAME", help="As if it had come to that project's mailbox.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what every rule says of a mail, and what would become of it; nothing is changed or sent."""
    found = server.tracking.replay(int(mail) if mail.isascii() and mail.isdigit() else read(Path(mail)), database)
    if as_json:
        json_of(found)
        return
    say(f"It would be {found.state}: {found.reason}")
    if found.advice:
        say(found.advice)
    say()
    table(
        ("", "Rule", "Verdict", "Words"),
        [("*" if one.decides else "", one.title, one.verdict, one.words) for one in found.rules],
        empty="",
        wrap=("Words",),
    )
    say()
    _about(found)
    for piece in found.pieces:
        if piece.text.strip():
            say()
            say("Kept:" if piece.kept else "Cut:")
            say(piece.text.strip("\n"))


def _about(found: "Replay") -> None:
    fields(
        [
            ("From", f"{found.author} ({found.standing})" if found.standing else found.author),
            ("Authentication", found.authentication or "nothing is said of it"),
            ("Subject", found.subject),
            ("Sent", local_time(found.sent_at)),
            ("Kind", found.kind),
            ("Record", f"{found.database}: {found.record}" if found.record else ""),
            ("Files", ", ".join(found.files)),
            ("Problems", " ".join(found.problems)),
        ]
    )


@on_server
def reprocess(
    server: "Server",
    inbox_id: InboxId,
    database: Database = None,
    record: Annotated[
        str | None, typer.Option("--record", metavar="RECORD", help="File it with this record: 'defect 12'.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide anew about a mail that was not filed, or file it with a record whatever it carries."""
    if (database is None) != (record is None):
        raise InvalidInput.of("record", "and --database belong together: where the mail is to be filed")
    found = server.tracking.reprocess(inbox_id, database, record)
    if as_json:
        json_of(found)
    else:
        say(_words(found))


def _words(one: "InboxMail") -> str:
    where = f" with {one.record} of {one.database}, as e-mail {one.email}" if one.record and one.email else ""
    return f"Mail {one.inbox_id} is {one.state}{where}: {one.reason}"


@on_server
def discard(
    server: "Server",
    inbox_ids: Annotated[list[int], typer.Argument(metavar="ID...", help="From `trackkit tracking quarantine`.")],
    yes: Yes = False,
) -> None:
    """Discard mails that are in quarantine (asks first)."""
    confirm(f"Discard {counted(len(inbox_ids), 'mail')} of the quarantine?", yes)
    found = server.tracking.discard(inbox_ids)
    say(f"{counted(found.discarded, 'mail')} discarded.")
    if found.discarded < len(inbox_ids):
        note("The others are not in quarantine.")


@on_server
def rotate_key(server: "Server", yes: Yes = False, as_json: AsJson = False) -> None:
    """Sign tracking cookies with a new key from now on (asks first); those signed before are still taken."""
    confirm("Sign with a new key? Of the former keys the last 30 are still taken.", yes)
    found = server.tracking.rotate_key()
    if as_json:
        json_of(found)
    else:
        say(f"Cookies are signed with key {found.key_id} from now on; {counted(found.keys, 'key')} taken.")

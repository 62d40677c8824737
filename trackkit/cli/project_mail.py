"""``trackkit project mail``: the e-mail of a project's records, as one of its users."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, at_terminal, confirm
from trackkit.cli.files import hand_over, read
from trackkit.cli.output import AsJson, fields, json_of, local_time, note, say, size, table
from trackkit.cli.project import Text, in_project
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.client.project import Project
    from trackkit.contract.project_mail import EmailDetail, EmailRecipient, EmailView

app = typer.Typer(no_args_is_help=True, help="The e-mail of a project's records.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The e-mail's number.", min=1)]
Record = Annotated[str, typer.Argument(metavar="RECORD", help="'defect 12'")]
TextFile = Annotated[Path | None, typer.Option("--file", help="A file with the text in UTF-8; - = standard input.")]
Attach = Annotated[list[Path] | None, typer.Option("--attach", metavar="FILE", help="A file to attach.")]


@app.command("list")
@in_project
def list_emails(
    project: "Project",
    record: Annotated[str | None, typer.Argument(metavar="[RECORD]", help="'defect 12'; none = all.")] = None,
    text: Text = None,
    after: Annotated[int | None, typer.Option(help="Go on after this number.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=5000)] = 200,
    as_json: AsJson = False,
) -> None:
    """List e-mails: those of a record in their order, else the newest first."""
    page = project.mail.list(record, text=text, after=after, limit=limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Number", "Record", "Date", "Direction", "Written by", "From", "To", "Subject", "Answers", "Queue"),
        [
            (
                mail.number,
                mail.record,
                local_time(mail.at),
                mail.direction,
                _written_by(mail),
                mail.sender,
                "; ".join(map(_recipient, mail.recipients)),
                mail.subject,
                mail.answers,
                mail.queue_id,
            )
            for mail in page.items
        ],
        empty="There are no e-mails.",
        wrap=("To", "Subject"),
    )
    if page.next_after is not None:
        note(f"{len(page.items):,} of {page.total:,}. Go on with --after {page.next_after}")


def _written_by(mail: "EmailView") -> str:
    if mail.user:
        return mail.user
    return mail.origin if mail.standing == "known" or mail.direction == "sent" else f"{mail.origin}, {mail.standing}"


def _recipient(one: "EmailRecipient") -> str:
    hard = {True: " for good", False: " for now", None: ""}[one.hard]
    outcome = f" ({one.outcome}{hard} {one.status_code}".rstrip() + ")" if one.outcome else ""
    return f"{one.address}{outcome}"


@app.command()
@in_project
def show(project: "Project", number: Number, as_json: AsJson = False) -> None:
    """Show an e-mail whole."""
    detail = project.mail.show(number)
    if as_json:
        json_of(detail)
    else:
        _show(detail)


def _show(detail: "EmailDetail") -> None:
    mail = detail.email
    fields(
        [
            ("E-mail", mail.number),
            ("Record", mail.record),
            ("Direction", mail.direction),
            ("Written by", _written_by(mail)),
            ("Tracked", "yes" if mail.tracked else "no"),
            ("Date", local_time(mail.at)),
            ("From", mail.sender),
            *(("To", _recipient(one)) for one in mail.recipients),
            ("Subject", mail.subject),
            ("Message-ID", detail.message_id),
            ("In the mail queue", mail.queue_id),
            ("Answers", mail.answers),
            ("Answered by", ", ".join(map(str, detail.replies))),
            *(("File", f"{file.file_id}: {file.name} ({size(file.size)})") for file in detail.files),
            *(("Not read", problem) for problem in detail.problems),
            ("SHA-256", detail.sha256),
        ]
    )
    say()
    say(detail.text)
    if detail.cut.strip():
        say("--- cut off ---")
        say(detail.cut)


@app.command()
@in_project
def raw(
    project: "Project",
    number: Number,
    file: Annotated[Path | None, typer.Argument(help="Where to write; none = standard output.")] = None,
) -> None:
    """Save the bytes of an e-mail as they came or left; an existing file is not overwritten."""
    _save(project.mail.raw(number), file)


@app.command("save-file")
@in_project
def save_file(
    project: "Project",
    number: Number,
    file_id: Annotated[int, typer.Argument(metavar="FILE_ID")],
    file: Annotated[Path | None, typer.Argument(help="Where to write; none = standard output.")] = None,
) -> None:
    """Save a file that is attached to an e-mail."""
    _save(project.mail.file(number, file_id).content, file)


def _save(content: bytes, file: Path | None) -> None:
    hand_over(content, file)
    if file is not None:
        say(f"Wrote {file} ({size(len(content))}).")


@app.command()
@in_project
def send(
    project: "Project",
    record: Record,
    to: Annotated[list[str], typer.Option("--to", help="An address, or the name of a user or customer.")],
    cc: Annotated[list[str] | None, typer.Option("--cc", help="The same, for a copy.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="None = the template's.")] = None,
    file: TextFile = None,
    template: Annotated[str | None, typer.Option("--template", help="One of the project's templates.")] = None,
    untracked: Annotated[bool, typer.Option("--untracked", help="Answers go to you, and are not filed.")] = False,
    attach: Attach = None,
    as_json: AsJson = False,
) -> None:
    """Send an e-mail about a record; its text comes from standard input, a file or a template."""
    text = None if file is None and template is not None else _text(file)
    sent = project.mail.send(
        record, to, subject, text, cc=cc or (), template=template, tracked=not untracked, files=attach or ()
    )
    _tell(sent, as_json)


@app.command()
@in_project
def reply(
    project: "Project",
    number: Number,
    file: TextFile = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="None = whom the e-mail is from.")] = None,
    attach: Attach = None,
    as_json: AsJson = False,
) -> None:
    """Answer an e-mail, in its thread; the text comes from standard input or a file."""
    _tell(project.mail.reply(number, _text(file), to=to or (), files=attach or ()), as_json)


def _text(file: Path | None) -> str:
    file = file or Path("-")
    if str(file) == "-" and at_terminal():
        note("Write the text; end with Ctrl+D on a line of its own.")
    try:
        return read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput.of("text", "is no text in UTF-8") from None


def _tell(sent: "EmailView", as_json: bool) -> None:
    if as_json:
        json_of(sent)
        return
    queued = f", in the queue as {sent.queue_id}" if sent.queue_id else "; it waits to be queued"
    say(
        f"Sent e-mail {sent.number} about {sent.record} to {', '.join(one.address for one in sent.recipients)}{queued}."
    )


@app.command()
@in_project
def delete(project: "Project", number: Number, yes: Yes = False) -> None:
    """Delete an e-mail with its bytes and files (asks first); there is no undo."""
    confirm(f"Delete e-mail {number}, with its bytes and files? There is no undo.", yes)
    project.mail.delete(number)
    say(f"Deleted e-mail {number}.")

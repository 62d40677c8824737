"""How well incoming mail is understood, on the corpus: ``python -m tests.inbound_scores`` prints one table.

Beside ours stand flufl.bounce and the libraries for replies that were tried, where they are installed (they are in the
`bench` extra); rows of those that are not say so. Each is judged alike:

* bounces: of the mails that `expected.csv` calls bounces, how many are called one (a report of a delay is one there);
  of all others, how many are; of each, whether it is permanent, by the class of the status; for each recipient, hard or
  soft (whether the address is dead, which only we say), and the status where the list has one of the RFC's;
* replies: the text that is kept is the expected one, but for empty lines around it.
"""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

from tests import corpus
from trackkit.domain.tracking.incoming import parse
from trackkit.domain.tracking.kinds import MailKind, kind_of
from trackkit.domain.tracking.reply_text import trimmed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_BOUNCES = ("feedback", "vacation", "delivered")
OTHER_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "LF": lambda raw: raw.replace(b"\r\n", b"\n"),
    "CRLF": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "CR": lambda raw: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
}


@dataclass
class Ratio:
    """How many of how many, and which not."""

    right: int = 0
    total: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, name: str, right: bool) -> None:
        """Another one."""
        self.total += 1
        self.right += right
        if not right:
            self.wrong.append(name)

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.right / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.right} of {self.total} ({100 * self.share:.1f} %)"


@dataclass
class Bounces:
    """The score on bounces."""

    detected: Ratio = field(default_factory=Ratio)
    others_left_alone: Ratio = field(default_factory=Ratio)
    permanent: Ratio = field(default_factory=Ratio)
    hard_or_soft: Ratio = field(default_factory=Ratio)
    status: Ratio = field(default_factory=Ratio)


@dataclass
class Said:
    """What is said of a mail; of each recipient whether it is hard, and the status."""

    bounce: bool
    permanent: bool
    recipients: list[tuple[bool, str]]


def ours(raw: bytes) -> Said:
    """What we say about a mail."""
    found = kind_of(parse(raw, NOW))
    permanent = any(one.status.startswith("5") for one in found.failures)
    recipients = [(one.hard, one.status) for one in found.failures]
    return Said(found.kind in (MailKind.bounce, MailKind.delay), permanent, recipients)


def flufl(raw: bytes) -> Said:
    """What flufl.bounce says: addresses, some of them permanent."""
    temporary, permanent = importlib.import_module("flufl.bounce").all_failures(message_from_bytes(raw))
    return Said(bool(temporary or permanent), bool(permanent), [])


def bounces(say: Callable[[bytes], Said] = ours, form: Callable[[bytes], bytes] = bytes) -> Bounces:
    """The score of a recogniser on the corpus, its mails in some form."""
    score = Bounces()
    for name, rows in _expected().items():
        said = say(form((corpus.FOLDER / "bounces" / name).read_bytes()))
        if rows[0]["reason"] in NO_BOUNCES:
            score.others_left_alone.count(name, not said.bounce)
            continue
        score.detected.count(name, said.bounce)
        permanent = any(row["status"].startswith("5") for row in rows)
        score.permanent.count(name, said.bounce and said.permanent is permanent)
        for number, row in enumerate(rows):
            hard, status = said.recipients[number] if number < len(said.recipients) else (None, "")
            score.hard_or_soft.count(f"{name} {row['reason']}", hard is (row["hard_bounce"] == "true"))
            # x.y.9zz are the list's own numbers, for what says no status.
            if row["status"] and not row["status"].rpartition(".")[2].startswith("9"):
                score.status.count(f"{name} {row['status']}", status == row["status"])
    return score


def _expected() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with (corpus.FOLDER / "bounces" / "expected.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["file"], []).append(row)
    return found


def replies(trim: Callable[[str], str] = lambda text: trimmed(text).kept) -> Ratio:
    """The score of a trimmer on the corpus."""
    score = Ratio()
    folder = corpus.FOLDER / "reply-trimming"
    for path in sorted((folder / "emails").iterdir()):
        wanted = (folder / "trimmed" / path.name).read_text(encoding="utf-8")
        score.count(path.name, trim(path.read_text(encoding="utf-8")).strip() == wanted.strip())
    return score


def _email_reply_parser(text: str) -> str:
    return str(importlib.import_module("email_reply_parser").EmailReplyParser.parse_reply(text))


def _mail_parser_reply(text: str) -> str:
    languages: list[Any] = ["en", "de", "fr", "es", "it", "nl", "pl", "sv", "no", "pt"]
    return (
        importlib.import_module("mailparser_reply").EmailReplyParser(languages=languages).read(text).latest_reply or ""
    )


def _bounce_row(say: Callable[[bytes], Said], form: Callable[[bytes], bytes] = bytes) -> list[str]:
    score = bounces(say, form)
    flagged = f"{len(score.others_left_alone.wrong)} of {score.others_left_alone.total}"
    recipients = [str(score.hard_or_soft), str(score.status)] if score.status.right else ["-", "-"]
    return [str(score.detected), flagged, str(score.permanent), *recipients, ""]


def table() -> Iterator[list[str]]:
    """The rows of the table; of a library that is not installed one that says so."""
    yield ["", "bounces detected", "others flagged", "permanent or not", "hard or soft", "status", "replies exact"]
    yield ["trackkit", *_bounce_row(ours)[:5], str(replies())]
    for name, form in OTHER_FORMS.items():
        yield [f"trackkit, lines ended by {name}", *_bounce_row(ours, form)]
    rows: dict[str, tuple[str, Callable[[], list[str]]]] = {
        "flufl.bounce": ("flufl.bounce", lambda: _bounce_row(flufl)),
        "email-reply-parser": ("email_reply_parser", lambda: ["", "", "", "", "", str(replies(_email_reply_parser))]),
        "mail-parser-reply": ("mailparser_reply", lambda: ["", "", "", "", "", str(replies(_mail_parser_reply))]),
    }
    for name, (module, row) in rows.items():
        try:
            importlib.import_module(module)
        except ImportError:
            yield [name, "not installed (bench extra)", "", "", "", "", ""]
        else:
            yield [name, *row()]


def main() -> int:
    """Print the table; 2 where the corpus is missing."""
    if not corpus.FOLDER.exists():
        print(corpus.MISSING, file=sys.stderr)
        return 2
    rows = list(table())
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

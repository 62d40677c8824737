"""How well reasons are recognised in real bounces: ``python -m tests.bounce_reasons [FOLDER] [--all]`` prints it.

FOLDER holds bounces and an `expected.csv`; without one, those of the shared corpus. The reasons there are names of the
program that made the list (sisimai); `AS_OURS` says which of ours mean the same. Bounces that are none (feedback,
auto-replies, deliveries) are counted and left out. Beside it stands what the codes alone reach, read from the same
bounces and judged alike: the same table of codes, with every word of the replies covered.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests import bounces, corpus
from trackkit.domain import reply_codes
from trackkit.domain.reasons import Reason
from trackkit.domain.reply_reasons import reason_of

R = Reason

NO_BOUNCES = ("feedback", "vacation", "delivered")

AS_OURS: dict[str, tuple[Reason, ...]] = {
    "userunknown": (R.unknown_user,),
    "hostunknown": (R.unknown_domain,),
    "mailboxfull": (R.mailbox_full,),
    "suspend": (R.mailbox_disabled,),
    "hasmoved": (R.user_moved,),
    "notaccept": (R.takes_no_mail,),
    "norelaying": (R.relaying_denied, R.sender_rejected),
    "rejected": (R.sender_rejected, R.not_authorised, R.access_denied),
    "authfailure": (R.authentication,),
    "requireptr": (R.reverse_dns,),
    "blocked": (R.blocklisted, R.reputation, R.access_denied),
    "badreputation": (R.reputation, R.rate_limited),
    "speeding": (R.rate_limited,),
    "toomanyconn": (R.too_many_connections, R.rate_limited, R.too_many_recipients),
    "mesgtoobig": (R.too_large,),
    "exceedlimit": (R.too_large,),
    "spamdetected": (R.spam,),
    "virusdetected": (R.virus,),
    "contenterror": (R.content,),
    "notcompliantrfc": (R.content,),
    "policyviolation": (R.policy, R.content),
    "securityerror": (R.not_authorised, R.login_required, R.tls_required, R.access_denied),
    "filtered": (R.unknown_user, R.content, R.spam),
    "systemerror": (R.host_trouble, R.host_dns, R.loop, R.tls_required),
    "mailererror": (R.host_trouble,),
    "systemfull": (R.host_full,),
    "networkerror": (R.unreachable, R.loop, R.host_dns),
    "expired": (R.expired, R.unreachable),
    "syntaxerror": (R.protocol,),
}
"""`filtered` is what that program calls an unknown user who is refused after DATA, and mail that a filter of the
recipient's refuses; `expired` also what could not be reached at all. `onhold` and `undefined` mean that nobody knows:
there, no reason is right."""


@dataclass
class Score:
    """One recipient of one bounce."""

    file: str
    recipient: int
    wanted: str
    ours: Reason | None
    codes: Reason | None
    words: str


def right(wanted: str, reason: Reason | None) -> bool:
    """Whether a reason of ours, or none, is what is expected."""
    return reason in AS_OURS[wanted] if wanted in AS_OURS else reason is None


def recognised(told: bounces.Quoted) -> Reason | None:
    """Our reason: of the first words that have one, else of the status alone."""
    for words in told.words:
        enhanced = bounces.enhanced_of(words) or told.status
        if reason := reason_of(bounces.code_of(words), enhanced, words):
            return reason
    return reason_of(None, told.status, "")


def by_codes(told: bounces.Quoted) -> Reason | None:
    """What the codes alone say."""
    for words in told.words:
        if reason := reply_codes.of_codes_alone(bounces.code_of(words), bounces.enhanced_of(words)):
            return reason
    return reply_codes.of_codes_alone(None, told.status)


def scores(folder: Path) -> tuple[list[Score], int, int]:
    """A line for each recipient; how many bounces are none; how many could not be read."""
    lines, none, unread = [], 0, 0
    read: dict[str, list[bounces.Quoted]] = {}
    with (folder / "expected.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, wanted = row["file"], row["reason"]
            if wanted in NO_BOUNCES:
                none += 1
                continue
            if name not in read:
                read[name] = bounces.read((folder / name).read_bytes())
            number = int(row["recipient"])
            if number > len(read[name]):
                unread += 1
                lines.append(Score(name, number, wanted, None, None, ""))
                continue
            told = read[name][number - 1]
            words = next(iter(told.words), told.status)
            lines.append(Score(name, number, wanted, recognised(told), by_codes(told), words))
    return lines, none, unread


def table(lines: list[Score]) -> str:
    """The score for each expected reason, in Markdown: ours, and that of codes alone."""
    all_, ours, codes, wrong = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for line in lines:
        for name in (line.wanted, "together"):
            all_[name] += 1
            ours[name] += right(line.wanted, line.ours)
            codes[name] += right(line.wanted, line.codes)
            wrong[name] += line.ours is not None and not right(line.wanted, line.ours)
    rows = ["| expected | bounces | right | other reason | codes alone right |", "| --- | ---: | ---: | ---: | ---: |"]
    names = [name for name, _ in all_.most_common() if name != "together"] + ["together"]
    rows += [f"| {n} | {all_[n]} | {ours[n]} | {wrong[n]} | {codes[n]} |" for n in names]
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    """Print the table, and with ``--all`` each miss; 1 when there are no bounces."""
    folders = [argument for argument in arguments if not argument.startswith("-")]
    folder = Path(folders[0]) if folders else corpus.FOLDER / "bounces"
    if not (folder / "expected.csv").is_file():
        print(f"There is no expected.csv in {folder}.", file=sys.stderr)
        return 1
    lines, none, unread = scores(folder)
    print(table(lines))
    print(f"\nLeft out, since they are no bounces: {none}. Nothing was found in: {unread} (counted as not right).")
    if "--all" in arguments:
        for line in lines:
            if not right(line.wanted, line.ours):
                print(f"{line.file} {line.recipient}: wanted {line.wanted}, is {line.ours}: {line.words[:300]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

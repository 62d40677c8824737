"""Everything that answers by itself, at once: two servers that track each other, vacation replies, bounces.

It has to come to rest: nobody gets more than one automatic letter of a server, and the queues are empty in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr

import pytest

from tests.conftest import Start
from tests.peers import answering, post_office, tracked_project
from tests.peers.answering import read
from tests.peers.post_office import GONE, PostOffice, address
from tests.peers.tracked_project import CUSTOMER, USER, TrackedProject
from tests.ports import wait_until
from trackkit.domain.tracking.inbox import InboxState

pytestmark = pytest.mark.peers

DESKS = {"track-a": "desk-a", "track-b": "desk-b"}
"""By the tracking account of each server the account that its letters come from."""

TRACKERS = tuple(DESKS)
MOST_ROUNDS = 8


def polite(raw: bytes, name: str) -> bytes | None:
    """A vacation program that keeps to RFC 3834, but forgets whom it has told."""
    mail = read(raw)
    if mail["Auto-Submitted"] or str(mail["Return-Path"]).strip(" <>") == "":
        return None
    return answering.vacation(raw, address(name))


def rude(raw: bytes, name: str) -> bytes | None:
    """One that answers whatever comes, as a person would."""
    return answering.top(raw, address(name), f"{name} is away and answers everything.")


@dataclass
class Storm:
    """Two servers and the programs behind the mailboxes of people."""

    office: PostOffice
    sides: tuple[TrackedProject, ...]
    programs: Mapping[str, Callable[[bytes, str], bytes | None]]
    seen: Counter[str] = field(default_factory=Counter)
    fetched: dict[str, dict[bytes, None]] = field(default_factory=dict)

    def blow(self) -> int:
        """One round: every program answers what is new, then both servers fetch; how many mails that were."""
        answers = 0
        for name, program in self.programs.items():
            for raw in self.office.mails(name)[self.seen[name] :]:
                self.seen[name] += 1
                if answer := program(raw, name):
                    self.post(answer, name if program is rude else "")
                    answers += 1
        wait_until(self.office.is_idle, what="an idle Postfix")
        for account in TRACKERS:
            self.fetched.setdefault(account, {}).update(dict.fromkeys(self.office.mails(account)))
        return answers + sum(side.poll().fetched for side in self.sides)

    def post(self, answer: bytes, author: str) -> None:
        """To whom it is addressed."""
        recipient = parseaddr(str(read(answer)["To"]))[1]
        self.office.post(answer, address(author) if author else "", [recipient])

    def comes_to_rest(self) -> None:
        """Until a round has brought nothing new."""
        numbers = []
        while not numbers or numbers[-1]:
            numbers.append(self.blow())
            assert len(numbers) <= MOST_ROUNDS, f"it goes on and on: {numbers}"

    def automatic(self, name: str, sender: str) -> int:
        """How many automatic mails of that sender have come to a mailbox."""
        return sum(_is_automatic(read(raw), address(sender)) for raw in self.office.mails(name))


def _is_automatic(mail: EmailMessage, sender: str) -> bool:
    return bool(mail["Auto-Submitted"]) and parseaddr(str(mail["From"]))[1] == sender


@pytest.fixture(scope="module")
def storm(start_for_module: Start) -> Iterator[Storm]:
    if reason := post_office.missing():
        pytest.skip(reason)
    programs = {"carl": polite, "rudi": rude, USER: rude, **dict.fromkeys(DESKS.values(), rude)}
    office = post_office.start([*TRACKERS, *programs])
    try:
        sides = tuple(
            tracked_project.set_up(
                start_for_module(options=office.options(account), seats=5),
                office,
                account,
                account,
                letter=True,
                notification_address=address(desk),
            )
            for account, desk in DESKS.items()
        )
        yield Storm(office, sides, programs)
    finally:
        office.stop()


def begins(side: TrackedProject, other: str) -> tuple[str, bytes]:
    """Ada writes to a person, to a program, to the other tracker and to nobody; the record, and what Carl got."""
    record = side.add_defect("Does it stop?")
    with side.as_ada() as project:
        project.mail.send(record, (CUSTOMER, address("rudi"), address(other), f"x@{GONE}"), "The pump", "Hello?\n")
    side.all_left()
    return record, side.office.mails("carl")[-1]


def crossed(storm: Storm, mine: bytes, others: bytes, other: str) -> None:
    """A mail that carries the cookies of both, from the one tracker to the other."""
    answer = read(answering.top(mine, address(other), "And what do you say?"))
    answer["Reply-To"] = str(read(others)["Reply-To"])
    answer.replace_header("References", f"{read(others)['Message-ID']} {answer['References']}")
    storm.post(answer.as_bytes(), other)


@pytest.mark.spec("8: trackers, vacation programs and bounces answer each other: it comes to rest")
def test_a_storm_comes_to_rest(storm: Storm) -> None:
    first, second = storm.sides
    mails = [begins(first, "track-b")[1], begins(second, "track-a")[1]]
    crossed(storm, mails[0], mails[1], "track-b")
    crossed(storm, mails[1], mails[0], "track-a")
    storm.comes_to_rest()

    for side, other in zip(storm.sides, storm.sides[::-1], strict=True):
        desk = DESKS[side.account]
        assert storm.automatic("rudi", desk) == 1
        assert storm.automatic("carl", desk) == 0
        assert storm.automatic(USER, desk) <= 1
        letters = [_is_automatic(read(raw), address(desk)) for raw in storm.fetched[other.account]]
        assert sum(letters) <= 1
        assert side.server.admin.mail.list().messages == ()
        received = [email for email in side.emails() if email.direction == "received"]
        origins = Counter(email.origin for email in received)
        assert (origins["bounce"], origins["automatic"] > 0) == (1, True)
        others = [email for email in received if email.origin == "person" and email.sender != address(USER)]
        assert storm.automatic(USER, side.account) == len(others)
    assert storm.office.is_idle()


@pytest.mark.spec("8: a mail that comes again is filed once, and nobody hears of it again")
def test_what_comes_again_is_filed_once(storm: Storm) -> None:
    storm.programs = {}
    before = [[email.number for email in side.emails()] for side in storm.sides]
    boxes = {name: storm.office.mails(name) for name in ("carl", "rudi", USER, *DESKS.values())}
    again = 0
    for account in TRACKERS:
        storm.office.empty(account)
        for raw in storm.fetched[account]:
            storm.office.dovecot.put(account, raw)
            again += 1
    assert again > 4
    assert sum(side.poll().fetched for side in storm.sides) == again
    assert [[email.number for email in side.emails()] for side in storm.sides] == before
    assert {name: storm.office.mails(name) for name in boxes} == boxes
    for side in storm.sides:
        states = Counter(mail.state for mail in side.server.admin.tracking.inbox(limit=2000).items)
        assert states[InboxState.duplicate] == states[InboxState.attached] > 0
        assert not states[InboxState.fetched] + states[InboxState.quarantined]

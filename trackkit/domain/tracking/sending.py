"""What a user may send about a record, decided before anything is written: whom it goes to, in which thread, as what.

Nobody without a valid address sends or gets anything, and who that is, is said by name (SPEC §8). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from trackkit.domain.addresses import address_problem, normal_address
from trackkit.domain.errors import Conflict, InvalidInput, Problem
from trackkit.domain.options import Options
from trackkit.domain.text import line_of
from trackkit.domain.tracking.carriers import untagged
from trackkit.domain.tracking.letter import Party

_REPLY: Final = re.compile(r"(\s*re\s*:\s*)+", re.IGNORECASE)
_LONGEST_SUBJECT: Final = 300


OWN: Final = "is the tracking address: what goes there comes in again"


@dataclass(frozen=True, slots=True)
class Known:
    """A user or customer of the project; `what` says which, for people."""

    what: str
    name: str
    party: Party


Own = Callable[[str], bool]
"""Whether an address is one that tracked mail comes back to."""


def refuse_unready(options: Options, project_sends: bool, tracked: bool, has_mailbox: bool, database: str) -> None:
    """`Conflict` while server or project are not set up for what shall be sent; says what is missing."""
    reason = ""
    if not options.sending.is_set_up:
        reason = "the server has no mail host to send by (sending.smtp.host)"
    elif not project_sends:
        reason = f"{database} may not send (setting `sending` of the database)"
    elif tracked and options.sending.method == "mapi":
        reason = "MAPI cannot carry tracked e-mail (sending.method)"
    elif tracked and not options.tracking.enabled:
        reason = "e-mail tracking is off for the server (tracking.enabled)"
    elif tracked and not has_mailbox:
        reason = f"e-mail tracking is off for {database}"
    if reason:
        raise Conflict(
            f"The e-mail cannot be sent: {reason}. Nothing was sent.",
            f"An administrator sees with `trackkit tracking check {database}` what is missing.",
        )


def sender(user: Known, own: Own) -> Party:
    """The user as the author of a mail; `InvalidInput` without a valid address of their own."""
    reason = address_problem(normal_address(user.party.address))
    if not reason and own(user.party.address):
        reason = OWN
    if reason:
        raise InvalidInput(
            f"The user {user.name} has no valid e-mail address and cannot send e-mail; nothing was sent.",
            "Set the address of that user first.",
            problems=[Problem("user", f"{user.name}: the address {reason}")],
        )
    return Party(normal_address(user.party.address), user.party.name)


def addressees(
    given: Iterable[tuple[str, str]],
    known: Callable[[str], Sequence[Known]],
    own: Own,
) -> dict[str, list[Party]]:
    """Whom a mail goes to, by field, everybody once; `InvalidInput` names each who cannot be reached, and why.

    Parameters
    ----------
    given: field and address or name.
    known: the users and customers of that name.
    """
    found: dict[str, list[Party]] = {}
    problems: list[Problem] = []
    seen: set[str] = set()
    for field, text in given:
        party, reason = _addressee(text.strip(), known)
        if party is not None and own(party.address):
            reason = f"{party.address} {OWN}"
        if party is None or reason:
            problems.append(Problem(field, reason))
        elif party.address.casefold() not in seen:
            seen.add(party.address.casefold())
            found.setdefault(field, []).append(party)
    if not problems and not found.get("to"):
        problems.append(Problem("to", "is empty; a mail needs somebody to go to"))
    if problems:
        raise InvalidInput("The e-mail was refused; nothing was sent.", problems=problems)
    return found


def _addressee(text: str, known: Callable[[str], Sequence[Known]]) -> tuple[Party | None, str]:
    """Who is meant, or why nobody is."""
    if "@" in text:
        address = normal_address(text)
        reason = address_problem(address)
        return (None, reason) if reason else (Party(address), "")
    people = known(text) if text else ()
    if not people:
        return None, f"{text[:80]!r} is no address, and nobody in this project is called so"
    if len({one.party.address.casefold() for one in people}) > 1:
        whose = " and ".join(f"a {one.what}" for one in people)
        return None, f"{text[:80]!r} is {whose}; write the address"
    one = people[0]
    address = normal_address(one.party.address)
    if reason := address_problem(address):
        return None, f"the {one.what} {one.name} has no valid e-mail address: it {reason}"
    return Party(address, one.party.name), ""


def answer_to(subject: str) -> str:
    """The subject of an answer: ``Re:`` once, without tags."""
    return f"Re: {_REPLY.sub('', untagged(line_of(subject)), count=1)}"[:_LONGEST_SUBJECT].strip()

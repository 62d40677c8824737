"""A defect from somebody without an account: what it may hold, what becomes of it, and how fast they may come.

Who submitted it is nobody the project knows, so what they say of themselves stands at the head of the description and
in no field that names a user.

| what is limited | submissions at once | then one every |
| --- | --- | --- |
| one place (`domain.throttle.place_of`) | 5 | minute |
| the whole server | 60 | 10 s |

Only what would be accepted by its texts is counted; whatever becomes of it afterwards counts, too, so that nobody tries
out the names of databases.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import checked, declare
from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.failures import Summary
from trackkit.domain.project.kinds import Defect
from trackkit.domain.project.texts import MAXIMUM_ADDRESS, Texts, checked_address, checked_line
from trackkit.domain.rates import NO_WAIT, Limit, Rates

MAXIMUM_TITLE: Final = 300
MAXIMUM_DESCRIPTION: Final = 20_000
MAXIMUM_SUBMITTER: Final = 100
MAXIMUM_BODY: Final = 256 * 1024
"""Octets of a request with a submission: the texts above, however a form or JSON writes them."""

REFUSED: Final = "The defect was refused; nothing was stored."

PLACE: Final = Limit(5, timedelta(minutes=1))
SERVER: Final = Limit(60, timedelta(seconds=10))
MOST: Final = 10_000
"""Places that are remembered at most."""

_WHOLE: Final = ""
"""The key of the whole server; no place is called so."""


class Submission(Texts):
    """What somebody without an account says of a defect, and of themselves."""

    title: str = declare(..., title="Title", min_length=1, max_length=MAXIMUM_TITLE, help="The defect in a line.")
    description: str = declare(
        ...,
        title="Description",
        long=True,
        min_length=1,
        max_length=MAXIMUM_DESCRIPTION,
        help="What you did, what happened, and what should have happened.",
    )
    submitter: str = declare("", title="Your name", max_length=MAXIMUM_SUBMITTER)
    email: str = declare("", title="Your e-mail address", max_length=MAXIMUM_ADDRESS, help="For questions.")

    @field_validator("description", mode="before")
    @classmethod
    def _lines(cls, value: object) -> object:
        """A form's line breaks are two characters each; people count one."""
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

    @field_validator("description")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("text", "is empty")
        return value

    @field_validator("submitter")
    @classmethod
    def _one_name(cls, value: str) -> str:
        return checked_line(value)

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_address(value)

    def defect(self) -> Defect:
        """The defect of the project; everything it does not say has its default."""
        head = f"Submitted without an account.\nName: {self.submitter or '-'}\nE-mail address: {self.email or '-'}"
        return checked(Defect, {"title": self.title, "description": f"{head}\n\n{self.description}"}, REFUSED)


class Pace:
    """How many came lately. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._rates: Rates[str] = Rates(MOST)

    def __len__(self) -> int:
        return len(self._rates)

    def admit(self, now: datetime, place: str) -> None:
        """Charge one from that place; `TooManyAttempts` when it has to wait."""
        wait = self._rates.admit(now, {place: PLACE, _WHOLE: SERVER})
        if wait > NO_WAIT:
            raise _turned_away(wait, here=self._rates.wait(now, place, PLACE) > NO_WAIT)


def _turned_away(wait: timedelta, *, here: bool) -> TooManyAttempts:
    seconds = max(math.ceil(wait.total_seconds()), 1)
    return TooManyAttempts(
        f"There were too many submissions {'from your address' if here else 'to this server'} lately. This one was not "
        f"stored; try again in {seconds} second{'s' if seconds > 1 else ''}.",
        "Trying earlier is turned away, too, and makes the wait no longer.",
        details={"retry_after": str(seconds)},
    )


def flood_words(summary: Summary) -> tuple[str, str]:
    """What the log says of those that were turned away: message and details."""
    many = summary.failures > 1
    message = (
        f"{summary.failures:,} defect{'s' if many else ''} from people without an account "
        f"{'were' if many else 'was'} turned away since {summary.since:%Y-%m-%d %H:%M:%S} UTC: too many at once."
    )
    return message, "\n".join(f"from {place}: {count:,}" for place, count in summary.places)

"""One bad queue: how it is brought about, what the server has to say of it, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bad_queues.site import Site

POSTFIX, EXIM, PICKUP, BY_MAPI, SCRIPTED = "Postfix", "Exim", "the pickup folder", "MAPI", "a scripted host"
MAILBOX = "ann@postfix.test"


@dataclass(frozen=True)
class Case:
    """A line of the list.

    Parameters
    ----------
    broken: how it was broken, in words.
    cause, operation, option: what the diagnosis has to name.
    next_step: what has to stand in its next step.
    says: what has to stand in its words: what tells it from others of the same cause.
    fixed_by: what was done, in words.
    is_patient: a healthy queue has that for a while, so that health says nothing of it yet.
    options: set beforehand, on top of `site.GOOD`.
    bring: what else brings it about, before the mail is submitted; `then`: after that.
    mend: what is mended outside of trackkit, before the offered operation is used.
    typed: what a person types into what is offered: values of options.
    correct: the right address, where one is to be corrected.
    tidy: what undoes the rest.
    arrives: where the mail has to be in the end.
    header_to, subject, body: of the mail; a mark is put into it besides. Without `header_to` it is `to`.
    """

    broken: str
    cause: str
    next_step: str
    operation: str
    option: str
    fixed_by: str
    says: str = ""
    is_patient: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    bring: Callable[[Site], object] | None = None
    then: Callable[[Site, str], object] | None = None
    mend: Callable[[Site], object] | None = None
    typed: Mapping[str, object] | Callable[[Site], Mapping[str, object]] = field(default_factory=dict)
    correct: str = ""
    tidy: Callable[[Site], object] | None = None
    arrives: str = POSTFIX
    to: str = MAILBOX
    sender: str = ""
    by_mapi: bool = False
    header_to: str = ""
    subject: str = "stuck"
    body: str = "hello"

    @property
    def name(self) -> str:
        """For pytest."""
        return self.broken.replace(" ", "-")


@dataclass(frozen=True)
class Told:
    """What the server said of a bad queue."""

    cause: str
    words: str
    next_step: str
    operation: str
    option: str
    fix: str = ""
    """What `Server.apply` would do, as a button says it; empty where a person has to type or to choose something."""

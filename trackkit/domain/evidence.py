"""What is known about a recipient that is not delivered yet, and the shape of what is said about it.

`diagnosis.TABLE` is made of `Row`s; those about what a host's reply says stand in `reply_diagnosis`, those about
log-ins in `login_diagnosis`, those about what this machine hands mail over to in `local_diagnosis`, and those that know
more than the failure or the reply in `way_diagnosis`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trackkit.domain.delivery import State
from trackkit.domain.fixes import Fix
from trackkit.domain.hosts import host_and_port
from trackkit.domain.message import MailType, domain_of
from trackkit.domain.options import Options
from trackkit.domain.past import About, Past
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one recipient in the queue."""

    state: State
    next_attempt_at: datetime
    options: Options
    now: datetime
    address: str = ""
    tries: int = 0
    last: Outcome | None = None
    """The outcome of the last attempt; none before the first."""
    opens_at: datetime | None = None
    """When the sending schedule lets mail leave again; none = it may now."""
    room_at: datetime | None = None
    """When the limit of messages a minute lets mail leave again; none = it may now."""
    mail_type: MailType = MailType.internet
    past: Past | None = None
    """What became of other mail at that host and for that address; none = it was not looked up."""

    @property
    def direct(self) -> bool:
        """Whether mail goes to the recipients' own hosts, and nowhere else."""
        return self.options.sending.method == "direct"

    @property
    def by_mapi(self) -> bool:
        """Whether mail to this recipient goes by MAPI."""
        return self.mail_type is MailType.mapi or self.options.sending.method == "mapi"

    @property
    def host(self) -> str:
        """Who answers, or should: the relay as people write it, or the recipient's mail host."""
        smtp, method = self.options.sending.smtp, self.options.sending.method
        if self.by_mapi:
            return "MAPI"
        if method == "pickup":
            return f"The pickup folder {self.options.sending.pickup.folder}"
        relay = host_and_port(smtp.host or "", smtp.port)
        is_for_now = self.last is not None and self.last.verdict is Verdict.temporary
        if method == "smtp" or (method == "direct-then-smtp" and is_for_now):
            return relay  # what direct delivery did not bring about for now, the relay got
        domain = domain_of(self.address)
        mx = f"The mail host of {domain}" if domain else "The recipient's mail host"
        return mx if self.direct else f"{mx}, or the relay {relay},"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer, ready to be shown."""

    cause: str
    """A stable name for grouping, such as ``host_unreachable``."""
    title: str
    words: str
    next_step: str
    operation: str = ""
    """The operation that does the next step (``options.set``, ``mail.reattempt`` …); empty when none can."""
    option: str = ""
    """The option it is about, for a form to open at."""
    fix: Fix | None = None
    """The next step with its arguments, where the evidence says them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `words` and `next_step` may name the `facts` in braces: {host}, {address}, {again} …
    """

    cause: str
    when: Callable[[Evidence], bool]
    title: str
    words: str
    next_step: str
    operation: str = ""
    option: str = ""
    fix: Callable[[Evidence], Fix | None] = lambda evidence: None
    about: About = About.nothing


def failed(*failures: Failure) -> Callable[[Evidence], bool]:
    """Whether the last attempt ended in one of these."""
    return lambda e: e.last is not None and e.last.failure in failures


def replied(*stages: Stage) -> Callable[[Evidence], bool]:
    """Whether the host refused at one of these stages in the last attempt."""
    return lambda e: e.last is not None and e.last.failure is Failure.replied and e.last.stage in stages


def refused_for_good(e: Evidence) -> bool:
    """Whether the last reply was a 5xx."""
    return e.last is not None and e.last.smtp_code is not None and 500 <= e.last.smtp_code < 600


def waits(e: Evidence) -> bool:
    """Whether it waits to be tried."""
    return e.state in (State.queued, State.deferred)

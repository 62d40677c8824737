"""A conversation that tells its steps as they go: how a test of the settings watches the real way of a mail.

What opens connections says to each conversation which step begins (`Conversation.reached`) and that one has failed
(`refused`); this one takes the times, keeps what the host has shown, and tells whoever watches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from trackkit.domain.certificates import facts
from trackkit.domain.probe_findings import Sight
from trackkit.domain.probe_steps import UNTRUSTED, Step, StepKind, StepState, kind_of
from trackkit.domain.replies import Outcome, Stage
from trackkit.mail.conversation import Conversation

_REFUSES_FROM = 500


class Tell(Protocol):
    """Whoever watches the steps."""

    def begun(self, kind: StepKind, whom: str) -> None:
        """A step begins."""

    def ended(self, step: Step) -> None:
        """It has ended."""


class Watched(Conversation):
    """See the module.

    Parameters
    ----------
    clock: monotonic seconds.
    relay: as steps with the relay name it; empty = there is none.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float], relay: str) -> None:
        super().__init__()
        self.sight = Sight()
        """What the last host has shown, on the last connection."""
        self._tell, self._clock, self._relay = tell, clock, relay
        self._now: tuple[StepKind, str, float] | None = None
        self._said = ""

    def begin(self, kind: StepKind, whom: str) -> None:
        """A step begins; the one before has succeeded."""
        self.end()
        self._now, self._said = (kind, whom, self._clock()), ""
        self._tell.begun(kind, whom)

    def end(self, outcome: Outcome | None = None, said: str = "") -> None:
        """The step there is has ended, if there is one."""
        if self._now is None:
            return
        kind, whom, begun_at = self._now
        self._now = None
        seconds = self._clock() - begun_at
        if kind is StepKind.greeting:
            self.sight.greeting_seconds = seconds
        state = StepState.failed if outcome is not None else StepState.done
        self._tell.ended(Step(kind, whom, state, seconds, self.clean(said or self._said), outcome))

    def reached(self, stage: Stage, whom: str) -> None:
        """As `Conversation.reached`."""
        self.begin(kind_of(stage), whom)
        if stage in (Stage.name, Stage.connect):
            self.sight = Sight(relay=whom == self._relay)

    def refused(self, outcome: Outcome) -> None:
        """As `Conversation.refused`; told once."""
        if self._now is None:
            return
        kind, whom, _ = self._now
        if outcome.failure in UNTRUSTED and kind is not StepKind.certificate:
            self._said = ""  # what was said last is why the certificate fails
            self.begin(StepKind.certificate, whom)
        self.end(outcome)

    def encrypted(self, certificate: bytes) -> None:
        """As `Conversation.encrypted`."""
        self.sight.encrypted, self.sight.certificate = True, certificate
        shown = facts(certificate)
        until = f", valid until {shown.valid_until:%Y-%m-%d}" if shown.valid_until else ""
        self._said = f"{shown.subject or 'no subject'}, issued by {shown.issuer or 'nobody'}{until}"

    def received(self, code: int, text: str) -> None:
        """As `Conversation.received`."""
        super().received(code, text)
        kind = self._now[0] if self._now else None
        if kind is StepKind.greeting:
            self.sight.banner = text
        elif kind is StepKind.ehlo and code < _REFUSES_FROM:
            self.sight.heard_ehlo(text)
            self._said = _offered(self.sight)
            return
        elif kind is StepKind.ehlo:
            self.sight.ehlo_refused = True
        elif kind is StepKind.certificate:  # the reply to STARTTLS, written down after the handshake
            return
        self._said = f"{code} {text.splitlines()[0] if text else ''}".strip()

    def note(self, text: str) -> None:
        """As `Conversation.note`."""
        super().note(text)
        if self._now is None or self._now[0] not in (StepKind.certificate, StepKind.greeting):
            self._said = text


def _offered(sight: Sight) -> str:
    """What a host offers, in a line."""
    words = [f"{word} {' '.join(sorted(sight.methods))}" if word == "AUTH" else word for word in sight.offers]
    return f"offers {', '.join(words)}" if words else "offers no extensions"

"""`SettingsTest`: a test of the settings for sending, followed step by step.

    test = server.mail.test(recipient="a@example.com")
    for step in test:
        print(step.title, step.state, step.words)
    if not test.works and test.fixes:
        server.apply(test.fixes[0])

The test runs on the server whether or not anybody looks; losing this handle stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self

from trackkit.contract.fixes import FixView
from trackkit.contract.mail_tests import LONGEST_WAIT, MailTest, MailTestNotice, MailTestStep
from trackkit.domain.errors import Conflict
from trackkit.domain.probe_steps import StepState


class Look(Protocol):
    """Asks the server how far a test is."""

    def __call__(self, test_id: str, after: int = 0, wait: float = 0.0) -> MailTest:
        """The steps after so many, waiting for news."""


class Cancel(Protocol):
    """Asks the server to end a test."""

    def __call__(self, test_id: str) -> MailTest:
        """End it."""


class SettingsTest:
    """A test that was begun. `state` is what was last seen of it, `steps` all that have ended so far."""

    def __init__(self, begun: MailTest, look: Look, cancel: Cancel) -> None:
        self.state = begun
        self.steps: list[MailTestStep] = list(begun.steps)
        self._look, self._cancel = look, cancel

    def __repr__(self) -> str:
        return f"<test of {self.state.subject}: {self.state.verdict or f'{len(self.steps)} steps so far'}>"

    def __iter__(self) -> Iterator[MailTestStep]:
        """Each step as soon as it has ended, until the test has; raises why it could not be made at all."""
        known = 0
        while True:
            yield from self.steps[known:]
            known = len(self.steps)
            if self.finished:
                break
            self.refresh(LONGEST_WAIT)
        if self.state.error is not None:
            raise self.state.error.error()

    def refresh(self, wait: float = 0.0) -> MailTest:
        """Look again, waiting so many seconds (5 at most) for the next step to end."""
        self.state = self._look(self.state.test_id, len(self.steps), wait)
        self.steps += self.state.steps
        return self.state

    def wait(self) -> Self:
        """Wait until it has ended."""
        for _ in self:
            continue
        return self

    def cancel(self) -> None:
        """End it before its time; if it has ended already, nothing happens."""
        try:
            self._cancel(self.state.test_id)
        except Conflict:
            return

    @property
    def finished(self) -> bool:
        """Whether it has ended, as last seen."""
        return self.state.finished

    @property
    def works(self) -> bool | None:
        """Whether the settings work; none while that is not known, or if it was cancelled."""
        return self.state.works

    @property
    def verdict(self) -> str:
        """What it came to, in words; empty before its end."""
        return self.state.verdict

    @property
    def failed(self) -> MailTestStep | None:
        """The step that it ended with; none when nothing failed."""
        if self.works is not False:
            return None
        return next((step for step in reversed(self.steps) if step.state is StepState.failed), None)

    @property
    def notices(self) -> tuple[MailTestNotice, ...]:
        """What was recognised besides."""
        return self.state.notices

    @property
    def fixes(self) -> tuple[FixView, ...]:
        """What mends it, the best first; for `Server.apply`."""
        return self.state.fixes

    @property
    def conversation(self) -> str:
        """What was said, secrets masked."""
        return self.state.conversation

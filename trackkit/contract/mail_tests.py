"""A test of the settings for sending: begun, then looked at step by step until it has ended."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from trackkit.contract.fixes import FixView
from trackkit.contract.operation import Operation, Request, Response
from trackkit.contract.wire import WireError
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.probe_steps import StepKind, StepState

LONGEST_WAIT = 5.0
"""Seconds that a look waits for news at most."""


class BeginMailTest(Request):
    """Test the stored settings.

    `recipient`: whom the host is asked to take mail for; with direct delivery also whose mail hosts are tried. Empty:
    nobody. `sender`: none = the mail account if it is an address, else the log's return address, else the null sender
    if there is a recipient. `send`: also send that recipient a message.
    """

    recipient: str = Field("", max_length=320)
    sender: str | None = Field(None, max_length=320)
    send: bool = False


class ShowMailTest(Request):
    """The steps after the first `after`, and how the test ended; waits `wait` seconds for news at most."""

    test_id: str = Field(max_length=40)
    after: int = Field(0, ge=0, le=1_000_000)
    wait: float = Field(0.0, ge=0, le=LONGEST_WAIT)


class NamedMailTest(Request):
    """One test."""

    test_id: str = Field(max_length=40)


class MailTestStep(Response):
    """One step: what was tried with whom, how it went, and what to do if it failed."""

    number: int
    kind: StepKind
    title: str
    host: str
    state: StepState
    seconds: float
    words: str
    """What came of it; of a failed one why it failed."""
    advice: str
    option: str
    """The option that a failed one is about."""


class MailTestNotice(Response):
    """What was recognised besides.

    `kind`: ``intercepted``, ``slow_greeting``, ``login_needed``, ``login_unused``, ``paused``.
    """

    kind: str
    words: str
    advice: str
    option: str


class MailTest(Response):
    """A test. `verdict` and what follows are there when it is `finished`; `works` is none before, and if cancelled."""

    test_id: str
    subject: str
    username: str
    begun_at: datetime
    steps: tuple[MailTestStep, ...]
    under_way: MailTestStep | None
    finished: bool
    works: bool | None
    verdict: str
    cause: str
    """The diagnosis of what failed, as for mail in the queue."""
    notices: tuple[MailTestNotice, ...]
    fixes: tuple[FixView, ...]
    """What mends it, the best first; see `Server.apply`."""
    conversation: str
    error: WireError | None = None
    """Why it could not be made at all."""


BEGIN = Operation(
    "mail.test",
    "POST",
    "/mail/tests",
    BeginMailTest,
    MailTest,
    Role.operator,
    "Begin a test of the settings for sending",
    errors=(errors.Conflict,),
    audited=True,
)
SHOW = Operation(
    "mail.test_progress",
    "GET",
    "/mail/tests/{test_id}",
    ShowMailTest,
    MailTest,
    Role.operator,
    "How far a test of the settings is, and what it came to",
    errors=(errors.NotFound,),
)
CANCEL = Operation(
    "mail.test_cancel",
    "POST",
    "/mail/tests/{test_id}/cancel",
    NamedMailTest,
    MailTest,
    Role.operator,
    "End a test of the settings before its time",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)

OPERATIONS = (BEGIN, SHOW, CANCEL)

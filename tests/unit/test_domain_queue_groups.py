"""Where the trouble of stuck mail is, and how grave it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trackkit.domain import options
from trackkit.domain.delivery import State
from trackkit.domain.evidence import Evidence
from trackkit.domain.log import Severity
from trackkit.domain.message import MailType
from trackkit.domain.options import Options
from trackkit.domain.queue_groups import is_nearly_all, place, severity_of
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = options.changed(Options(), {"sending.smtp.host": "mail.test", "sending.smtp.port": 587})
DIRECT = options.changed(Options(), {"sending.method": "direct"})
BOTH = options.changed(READY, {"sending.method": "direct-then-smtp"})
PAUSED = options.changed(READY, {"sending.paused": True})
FOLDER = options.changed(Options(), {"sending.method": "pickup", "sending.pickup.folder": "/srv/pickup"})

REFUSED = Outcome(Verdict.temporary, Stage.connect, Failure.refused)
GONE = outcome_of(Stage.recipient, 550, "5.1.1 nobody")
GREY = outcome_of(Stage.recipient, 451, "4.7.1 later")
BUSY = outcome_of(Stage.greeting, 421, "4.3.2 busy")
LOGIN = outcome_of(Stage.login, 535, "5.7.8 no")
NO_FOLDER = Outcome(Verdict.temporary, Stage.connect, Failure.pickup_folder)
DEFECT = Outcome(Verdict.temporary, Stage.connect, Failure.defect)


def known(
    last: Outcome | None, given: Options = READY, state: State = State.deferred, *, due: bool = False, **more: object
) -> Evidence:
    at = NOW if due else NOW + timedelta(minutes=5)
    return Evidence(state, at, given, NOW, "bob@b.test", 1, last, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "wanted"),
    [
        (known(REFUSED), "mail.test:587"),
        (known(LOGIN), "mail.test:587"),
        (known(BUSY), "mail.test:587"),
        (known(GREY), ""),
        (known(GONE, state=State.failed), ""),
        (known(REFUSED, DIRECT), ""),
        (known(REFUSED, BOTH), "mail.test:587"),
        (known(GONE, BOTH, State.failed), ""),
        (known(NO_FOLDER, FOLDER), "/srv/pickup"),
        (known(REFUSED, PAUSED), ""),
        (known(REFUSED, state=State.held), ""),
        (known(DEFECT), ""),
        (known(None), ""),
        (known(None, PAUSED, mail_type=MailType.mapi), "MAPI"),
    ],
)
def test_the_trouble_is_where_it_came_about(evidence: Evidence, wanted: str) -> None:
    """At the relay when it was before any recipient was named; never when it is a pause, a hold or a defect."""
    assert place(evidence) == wanted


@pytest.mark.parametrize(
    ("evidence", "quiet", "error"),
    [
        # In hours: quiet before the first, then a warning, an error from the second on; none = never.
        (known(REFUSED), 0, 1),
        (known(LOGIN), 0, 1),
        (known(None, PAUSED), 0, 1),
        (known(None, Options(), State.queued), 0, 1),
        (known(GREY), 1, None),
        (known(BUSY), 1, 2),
        (known(GONE, state=State.failed), 0, None),
        (known(REFUSED, state=State.failed), 0, None),
        (known(None, state=State.held), 0, None),
        (known(None, state=State.queued), 5 / 60, None),
        (known(None, due=True, opens_at=NOW), 72, 73),
        (known(None, due=True, room_at=NOW), 1, 2),
        (known(REFUSED, DIRECT), 0, None),
    ],
)
def test_it_is_as_grave_as_it_lasts(evidence: Evidence, quiet: float, error: float | None) -> None:
    def after(hours: float) -> Severity | None:
        return severity_of(evidence, timedelta(hours=hours), everywhere=False)

    if quiet:
        assert after(quiet - 0.01) is None
    assert after(quiet) is Severity.warning
    assert after(1000) is (Severity.warning if error is None else Severity.error)
    if error:
        assert after(error - 0.01) is Severity.warning
        assert after(error) is Severity.error


def test_what_keeps_nearly_all_mail_for_long_is_an_error_wherever_it_is() -> None:
    """Port 25 is blocked: each domain by itself cannot be reached, and all of them cannot."""
    blocked = known(REFUSED, DIRECT)
    assert severity_of(blocked, timedelta(hours=1), everywhere=True) is Severity.error
    assert severity_of(blocked, timedelta(minutes=59), everywhere=True) is Severity.warning
    gone = known(GONE, state=State.failed)
    assert severity_of(gone, timedelta(days=1), everywhere=True) is Severity.warning, "they are wrong addresses"
    assert is_nearly_all(10, 11)
    assert not is_nearly_all(9, 9), "so few are an accident"
    assert not is_nearly_all(10, 12)

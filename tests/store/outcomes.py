"""What mail hosts say in these tests."""

from __future__ import annotations

from trackkit.domain.replies import Failure, Outcome, Stage, Verdict

ACCEPTED = Outcome(Verdict.accepted, Stage.final_dot, None, 250, "2.0.0", "2.0.0 Ok")
LATER = Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="connection refused")
NEVER = Outcome(Verdict.permanent, Stage.recipient, Failure.replied, 550, "5.1.1", "5.1.1 No such user")

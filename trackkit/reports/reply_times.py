"""How long answers to tracked e-mail take, and what waits for one: from `server.tracking.answers_frame`, pure.

Two sides wait: people outside for somebody here (``received``), and users here for somebody outside (``sent``).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from trackkit.domain.ages import in_words
from trackkit.frames.emails import SIDES, wanting

if TYPE_CHECKING:
    import pandas as pd


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a side: Who waits, E-mails, Answered, Half within, Nine in ten within, Not answered."""
    import pandas as pd

    columns = ["Who waits", "E-mails", "Answered", "Half within", "Nine in ten within", "Not answered"]
    rows = []
    for direction, words in SIDES.items():
        of_it = wanting(frame[frame["direction"] == direction])
        waited = (of_it["answered_at"] - of_it["at"]).dropna()
        spans = [_words(waited, share) for share in (0.5, 0.9)]
        rows.append((words, len(of_it), len(waited), *spans, len(of_it) - len(waited)))
    return pd.DataFrame(rows, columns=columns)


def _words(waited: Any, share: float) -> str:
    """The span within which that share of them ended."""
    if not len(waited):
        return "–"
    return in_words(waited.quantile(share, interpolation="higher").to_pytimedelta())


def unanswered(frame: pd.DataFrame, direction: str, now: datetime) -> pd.DataFrame:
    """What waits, the longest first: Record, E-mail, Since (UTC), Waits, User, Bounced."""
    import pandas as pd

    of_it = wanting(frame[frame["direction"] == direction])
    waits = of_it[of_it["answered_at"].isna()].sort_values(["at", "number"])
    rows = [
        (
            *(one["record"], one["number"], one["at"], in_words(now - one["at"])),
            *(one["user"] or "–", "yes" if one["bounced"] else "no"),
        )
        for one in waits.to_dict(orient="records")
    ]
    return pd.DataFrame(rows, columns=["Record", "E-mail", "Since (UTC)", "Waits", "User", "Bounced"])

"""Charts: pure functions that draw a DataFrame on matplotlib Axes, in one style for light and dark.

    from trackkit.charts import log_by_level
    log_by_level(server.log.histogram_frame(), plt.figure().subplots())

The frames are those of `trackkit.frames`; several servers' frames may be stacked, their counts are added up. What
is drawn can be told apart without colours: by order, hatching and labels. An empty frame gives axes that say so.
matplotlib is loaded when something is drawn.
"""

from __future__ import annotations

from trackkit.charts.answers import answers_by_time, answers_words
from trackkit.charts.domains import domains_by_age, domains_size, domains_words
from trackkit.charts.licenses import seats_over_time, seats_words
from trackkit.charts.log import log_by_level, log_words
from trackkit.charts.picture import picture, png
from trackkit.charts.queue import queue_by_age, queue_words

__all__ = [
    "answers_by_time",
    "answers_words",
    "domains_by_age",
    "domains_size",
    "domains_words",
    "log_by_level",
    "log_words",
    "picture",
    "png",
    "queue_by_age",
    "queue_words",
    "seats_over_time",
    "seats_words",
]

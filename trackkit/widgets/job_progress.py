"""Long work of the server on a page: how far it is, Cancel where that is safe, and what came of it.

The work goes on when the page goes away; `trackkit job follow` and `server.jobs` find it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from trackkit.client.jobs import RunningJob
from trackkit.contract.jobs import Job
from trackkit.domain.errors import Conflict, JobCancelled
from trackkit.domain.jobs import title_of
from trackkit.widgets.problems import Trouble, show
from trackkit.widgets.work import Progress, long_work


def watch(
    box: w.Box,
    trouble: Trouble,
    running: RunningJob,
    then: Callable[[Job], None],
    *,
    busy: Sequence[w.Widget] = (),
    failed: Callable[[Exception], bool] = lambda _: False,
) -> None:
    """Show in `box` how far a job is until it has ended.

    Parameters
    ----------
    then: called with the job when it is done.
    failed: gets what it failed with first; true = it has dealt with it.
    """
    job = running.job

    def work(progress: Progress) -> Job:
        asked = False

        def tell(seen: Job) -> None:
            nonlocal asked
            progress.tell(seen.done, seen.total, seen.words)
            if progress.cancelled and not asked:
                asked = True
                try:
                    running.cancel()
                except Conflict:
                    return  # too late: it is about to end, and its end is waited for anyway

        return running.wait(tell)

    def ended(error: Exception) -> bool:
        dealt_with = failed(error)
        if isinstance(error, JobCancelled):
            show(trouble, error)
            return True
        return dealt_with

    long_work(box, f"{title_of(job.kind, job.database)}.", trouble, work, then, busy=busy, failed=ended)

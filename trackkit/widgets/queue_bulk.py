"""Verbs for all mail that a filter finds: counted by the server, asked, done there as long work with its progress.

A deletion is taken back by its number, so that exactly what it took comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.jobs import RunningJob
from trackkit.client.mail_where import MatchingMail, in_numbers, not_in_them
from trackkit.contract.jobs import Job
from trackkit.contract.mail_bulk import Matching
from trackkit.domain.text import counted
from trackkit.widgets.confirm import confirm
from trackkit.widgets.job_progress import watch
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.queue_rows import QueueFilter
from trackkit.widgets.show_python import Code, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as people meet it."""

    name: str
    label: str
    will: str
    """What will happen, to be put after "3 messages"."""
    done: str


VERBS = (
    Verb("reattempt", "Reattempt", "will be tried again now. A pause and holds still apply.", "due now"),
    Verb("hold", "Hold", "will wait until released.", "held"),
    Verb("release", "Release", "will be sent again, as far as held.", "released"),
    Verb("delete", "Delete", "will be deleted and not sent. This can be undone for ten minutes.", "deleted"),
)
UNDO = Verb("undelete", "Undo", "", "brought back")


class BulkVerbs:
    """Asks, does, and says what came of it, in places of the view that has the buttons.

    Parameters
    ----------
    asking, result, code: where the question and the progress, what came of it, and the Python stand.
    busy: is disabled meanwhile.
    over: called when a verb has ended, done or cut short, with what is to be undone (now, or still).
    """

    def __init__(
        self,
        server: Server,
        trouble: Trouble,
        asking: w.Box,
        result: w.HTML,
        code: Code,
        busy: Sequence[w.Widget],
        over: Callable[[Verb, QueueFilter | None], None],
    ) -> None:
        self._server, self._trouble = server, trouble
        self._asking, self._result, self._code, self._busy, self._over = asking, result, code, busy, over

    def ask(self, verb: Verb, wanted: QueueFilter) -> None:
        """Count, say to how many it applies, and do it after a Yes."""
        self._result.value = ""
        self._code.code = whole(wanted.as_python("where", f".{verb.name}().wait()"), self._server)

        def ask(found: Matching) -> None:
            if not found.applies:
                words = f"{verb.label} applies to none of the {counted(found.messages, 'message')} that match."
                self._result.value = status(shown(words), "tk-warn")
                return
            label = f"{verb.label} {counted(found.applies, 'message')}"
            confirm(self._asking, question(verb, found), label, partial(self.do, verb, wanted))

        in_background(self._trouble, lambda: self._matching(wanted).count(verb.name), ask, busy=self._busy)

    def do(self, verb: Verb, wanted: QueueFilter) -> None:
        """Do it without a question."""
        self._result.value = ""
        self._code.code = whole(wanted.as_python("where", f".{verb.name}().wait()"), self._server)

        def watched(running: RunningJob) -> None:
            undo = QueueFilter(deletion=running.job.job_id) if verb.name == "delete" else None

            def done(job: Job) -> None:
                self._result.value = status(shown(job.words), "tk-good")
                self._over(verb, undo if job.result["messages"] else None)

            def failed(_: Exception) -> bool:
                # What was done before a cancel is done.
                self._over(verb, wanted if verb is UNDO else undo)
                return False

            watch(self._asking, self._trouble, running, done, busy=self._busy, failed=failed)

        in_background(self._trouble, getattr(self._matching(wanted), verb.name), watched, busy=self._busy)

    def _matching(self, wanted: QueueFilter) -> MatchingMail:
        return self._server.mail.where(**wanted.conditions())


def question(verb: Verb, found: Matching) -> str:
    """What will happen to how many of those that match."""
    return f"{in_numbers(found)} {verb.will}\n{not_in_them(found)}".rstrip()

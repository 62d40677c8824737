"""Long work with a handle: its states, and what cancelling means.

queued ──▶ running ──▶ done
   │          ├──────▶ failed        what was wrong is kept with the job
   │          ├──────▶ interrupted   the server ended; nothing half-done is left in use
   └──────────┴──────▶ cancelled     only while the work can be undone
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """Where a job is."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"
    interrupted = "interrupted"

    @property
    def ended(self) -> bool:
        """Nothing more will happen."""
        return self not in (JobState.queued, JobState.running)


class JobKind(StrEnum):
    """What kind of long work it is."""

    create = "create"
    add = "add"
    compact = "compact"
    backup = "backup"
    restore = "restore"
    import_ = "import"
    mail = "mail"


TITLES: Final = {
    JobKind.create: "Create from template",
    JobKind.add: "Add existing database",
    JobKind.compact: "Compact",
    JobKind.backup: "Back up",
    JobKind.restore: "Restore",
    JobKind.import_: "Import",
    JobKind.mail: "Change of the mail queue",
}


def title_of(kind: JobKind, database: str) -> str:
    """What a piece of work is, to people; work on the mail queue is of no database."""
    return f"{TITLES[kind]} of {database}" if database else TITLES[kind]

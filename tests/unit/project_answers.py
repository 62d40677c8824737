"""A proper answer to each operation on databases, jobs, tasks and projects."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from trackkit.contract import databases, jobs, project, tasks
from trackkit.contract.operation import Done

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

DATABASE: dict[str, Any] = {
    "name": "a",
    "place": "relative",
    "location": "/data/databases/a",
    "settings": {
        "description": "The first",
        "active": True,
        "in_web_list": True,
        "in_other_list": True,
        "compact_every_start": False,
        "compact_next_start": False,
        "sending": True,
        "solosubmit": False,
    },
    "available": True,
    "unavailable_reason": "",
    "size": 4096,
    "created_at": NOW,
    "last_backup_at": None,
    "last_compacted_at": NOW,
    "revision": 3,
    "warnings": (),
}
INFO: dict[str, Any] = {
    **DATABASE,
    "database_id": "an-id",
    "schema_version": "project_0002",
    "records": {"defect": 12},
    "users": 2,
    "sessions": 1,
}
JOB = jobs.Job(
    job_id=5,
    kind="backup",
    database="a",
    state="done",
    words="Backed up 12 rows.",
    done=12,
    total=12,
    unit="rows",
    cancellable=False,
    username="ada",
    started_at=NOW,
    ended_at=NOW,
    error=None,
    result={"location": "/data/backups/a"},
)
TASK = tasks.TaskRow(
    name="Nightly",
    values={
        "name": "Nightly",
        "kind": "backup",
        "database": "a",
        "schedule": "0 2 * * *",
        "enabled": True,
        "run_missed": False,
        "keep": 3,
        "root": None,
    },
    next_run_at=NOW,
    last_run_at=None,
    last_state=None,
    last_words="",
    revision=1,
)
RUN = tasks.TaskRun(
    name="Nightly",
    started_at=NOW,
    ended_at=NOW,
    state="done",
    words="Backed up 12 rows.",
    started_by="",
    missed=False,
    job_id=5,
)
SESSION: dict[str, Any] = {
    "session_id": "s1",
    "database": "a",
    "username": "anna",
    "client": "api",
    "commands": ("defect.view", "defect.add"),
    "opened_at": NOW,
}
ITEM = project.Item(
    kind="defect",
    key="12",
    number=12,
    values={"title": "It stops", "status": "new", "due_on": "2026-01-31"},
    set_secrets=(),
    files=1,
    revision=2,
    created_at=NOW,
    created_by="anna",
    changed_at=NOW,
    changed_by="anna",
)
FILE: dict[str, Any] = {
    "file_id": 8,
    "name": "a.txt",
    "size": 2,
    "sha256": "0" * 64,
    "added_at": NOW,
    "added_by": "anna",
}
BACKUP = databases.Backup(
    backup_id=4,
    database="a",
    location="/data/backups/a",
    made_at=NOW,
    size=4096,
    verified=True,
    rows=12,
    task="",
    available=True,
)


def answers() -> dict[str, Any]:
    """By operation."""
    info = databases.DatabaseInfo(**INFO)
    return {
        "database.list": databases.Databases(
            databases=(databases.Database(**DATABASE),), full_paths=(), backup_roots=("/data/backups",)
        ),
        "database.show": info,
        "database.create": databases.CreatedDatabase(**INFO, administrator="administrator", administrator_password="x"),
        "database.browse": databases.Listing(folder="folder", parent=None, entries=()),
        "database.edit": info,
        "database.backups": databases.Backups(backups=(BACKUP,)),
        "database.remove": databases.RemovedDatabase(name="a", location="/data/databases/a", sessions=1),
        **dict.fromkeys(
            (f"database.{verb}" for verb in ("create_from_template", "add", "compact", "backup", "restore")), JOB
        ),
        "job.list": jobs.Jobs(jobs=(JOB,), next_before=None),
        "job.show": JOB,
        "job.cancel": JOB,
        "task.list": tasks.Tasks(tasks=(TASK,), zone="Europe/Vienna"),
        "task.add": TASK,
        "task.edit": TASK,
        "task.delete": Done(),
        "task.run": JOB,
        "task.history": tasks.TaskRuns(runs=(RUN,)),
        "project.databases": project.Offers(databases=(project.Offered(name="a", description="The first"),)),
        "project.submission_databases": project.Offers(databases=(project.Offered(name="b", description="Open"),)),
        "project.submit": project.Submitted(number=12, message="Thank you."),
        "project.open": project.OpenedProject(**SESSION, token="the-project-token"),
        "project.session": project.ProjectSession(**SESSION),
        "project.close": Done(),
        "project.password": Done(),
        "project.list": project.Items(items=(ITEM,), next_after=None, total=1),
        "project.show": ITEM,
        "project.add": ITEM,
        "project.edit": ITEM,
        "project.delete": Done(),
        "project.import": JOB,
        "project.job": JOB,
        "project.cancel": JOB,
        "project.files": project.Files(files=(project.FileInfo(**FILE),)),
        "project.attach": project.FileInfo(**FILE),
        "project.file": project.FileContent(**FILE, content=base64.b64encode(b"\x00\xff")),
        "project.detach": Done(),
    }

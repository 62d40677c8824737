"""`server.databases`: the project databases of a server. One method an operation, and frames over the listings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trackkit.client.admin import Secret
from trackkit.client.call import Caller
from trackkit.client.jobs import JobsPart, RunningJob
from trackkit.contract import databases

if TYPE_CHECKING:
    import pandas as pd

Settings = Mapping[str, databases.SettingValue]


class DatabasesPart:
    """The project databases. Settings are given by name: ``{"description": "…", "in_web_list": False}``.

    A `name` is a relative name, a full path, or a PostgreSQL URL without its password (`database_password`).
    """

    def __init__(self, caller: Caller, server: str, jobs: JobsPart) -> None:
        self._caller = caller
        self._server = server
        self._jobs = jobs

    def list(self) -> databases.Databases:
        """Every database, by name."""
        return self._caller.ask(databases.LIST)

    def frame(self) -> pd.DataFrame:
        """The databases as a frame, one row each; `size` in octets."""
        from trackkit.frames.databases import databases_frame

        return databases_frame(self.list().databases, self._server)

    def show(self, name: str) -> databases.DatabaseInfo:
        """What is in a database; `NotFound`."""
        return self._caller.ask(databases.SHOW, database=name)

    def create(
        self,
        name: str,
        *,
        administrator: str = "administrator",
        administrator_password: Secret | None = None,
        database_password: Secret | None = None,
        settings: Settings | None = None,
    ) -> databases.CreatedDatabase:
        """Make an empty database with its first project user.

        Without a password for that user one is made; it stands in the answer, this once.
        """
        return self._caller.ask(
            databases.CREATE,
            name=name,
            administrator=administrator,
            administrator_password=administrator_password,
            database_password=database_password,
            settings=dict(settings or {}),
        )

    def create_from_template(
        self,
        name: str,
        template: str,
        *,
        settings: Settings | None = None,
        database_password: Secret | None = None,
    ) -> RunningJob:
        """Begin to make a database with the users, groups and definitions of another, and none of its records."""
        job = self._caller.ask(
            databases.CREATE_FROM_TEMPLATE,
            name=name,
            template=template,
            settings=dict(settings or {}),
            database_password=database_password,
        )
        return self._jobs.handle(job)

    def browse(self, folder: str | None = None) -> databases.Listing:
        """The folders of the server machine in which databases can be looked for; none = where to begin."""
        return self._caller.ask(databases.BROWSE, folder=folder)

    def add(
        self, name: str, *, settings: Settings | None = None, database_password: Secret | None = None
    ) -> RunningJob:
        """Begin to add a database that exists; an older one is backed up, then upgraded."""
        fields = {"settings": dict(settings or {}), "database_password": database_password}
        return self._jobs.handle(self._caller.ask(databases.ADD, name=name, **fields))

    def edit(self, name: str, settings: Settings, revision: int | None = None) -> databases.DatabaseInfo:
        """Change settings; `Conflict` when somebody changed them since `revision` was seen (none = no check)."""
        return self._caller.ask(databases.EDIT, database=name, settings=dict(settings), revision=revision)

    def compact(self, name: str) -> RunningJob:
        """Begin to give back the space of what was deleted; the result has octets `before` and `after`."""
        return self._jobs.handle(self._caller.ask(databases.COMPACT, database=name))

    def backup(self, name: str, root: str | None = None) -> RunningJob:
        """Begin a backup below one of the allowed roots (none = the server's own); the result has its `location`."""
        return self._jobs.handle(self._caller.ask(databases.BACK_UP, database=name, root=root))

    def backups(self, name: str | None = None) -> databases.Backups:
        """The backups of one database or of all, newest first."""
        return self._caller.ask(databases.BACKUPS, database=name)

    def backups_frame(self, name: str | None = None) -> pd.DataFrame:
        """The backups as a frame; `size` in octets."""
        from trackkit.frames.databases import backups_frame

        return backups_frame(self.backups(name).backups, self._server)

    def restore(
        self,
        backup_id: int,
        name: str,
        *,
        settings: Settings | None = None,
        database_password: Secret | None = None,
    ) -> RunningJob:
        """Begin to make a new database of a backup, with a new identity and sending switched off."""
        fields = {"settings": dict(settings or {}), "database_password": database_password}
        return self._jobs.handle(self._caller.ask(databases.RESTORE, backup_id=backup_id, name=name, **fields))

    def remove(self, name: str, *, preview: bool = False) -> databases.RemovedDatabase:
        """Take a database out of the list; its files stay. With `preview` only say what would happen."""
        return self._caller.ask(databases.REMOVE, database=name, preview=preview)

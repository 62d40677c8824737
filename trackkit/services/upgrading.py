"""Project databases that an older trackkit wrote: backed up, then brought to this version's schema.

One that is added is upgraded by whoever adds it; those of the list at the server's start, or when they come back from
being away (`ListedUpgrades`). Where that fails the database is as it was and stays away, the log says why, and the
others go on.
"""

from __future__ import annotations

from trackkit.domain.errors import TrackkitError
from trackkit.domain.log import Severity
from trackkit.services import backups
from trackkit.services.environment import Environment
from trackkit.services.jobs import Progress
from trackkit.store import databases, project_facts, project_opening
from trackkit.store.database import Store
from trackkit.store.databases import DatabaseRow
from trackkit.store.migrate import newest, standing, upgrade

SOURCE = "databases"


def back_up_and_upgrade(environment: Environment, row: DatabaseRow, store: Store, progress: Progress) -> str:
    """Back an older database up, then bring it to this version's schema; where the backup is, and the log tells."""
    root = environment.places.backup_root(None)
    saved = backups.make_backup(environment, row, store.read, root, "", progress)
    upgrade(store, "project")
    words = f"{row.name} was upgraded to {newest('project')}; before that it was backed up to {saved.location}."
    environment.log.write(Severity.information, SOURCE, words, database=row.name)
    return saved.location


class _Unwatched(Progress):
    """Of work that nobody sees and nobody can cancel."""

    def __init__(self) -> None:
        """Nothing runs beside it."""

    def __call__(self, done: int, total: int | None = None, unit: str = "", words: str = "") -> None:
        """Nobody is told."""

    def no_way_back(self) -> None:
        """There was none."""


class ListedUpgrades:
    """Upgrades of the databases of the list."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._told: dict[int, str] = {}

    def all(self) -> None:
        """Before anybody can log in: every database."""
        for row in self._environment.store.read(databases.all_databases):
            self._look(row)

    def those_away(self) -> None:
        """Every database that cannot be used: it may have come back as an older one."""
        for row in self._environment.store.read(databases.all_databases):
            if self._environment.projects.availability(row):
                self._look(row)

    def _look(self, row: DatabaseRow) -> None:
        try:
            store = self._environment.projects.unopened(row)
        except TrackkitError:
            return  # it is away: `ProjectStores.check` tells that
        try:
            self._upgrade(row, store)
        except TrackkitError as error:
            words = f"{row.name} could not be upgraded to this version: {error}"
            if self._told.get(row.id) != words:
                self._told[row.id] = words
                self._environment.log.write(Severity.severe_error, SOURCE, words, database=row.name)
        finally:
            store.close()

    def _upgrade(self, row: DatabaseRow, store: Store) -> None:
        if store.read(lambda connection: standing(connection, "project")) != "older":
            return
        if store.read(project_facts.identity) != row.database_id:
            return  # another one lies in its place; that is told when it is opened
        project_opening.examine(store)
        back_up_and_upgrade(self._environment, row, store, _Unwatched())

"""A whole server environment without its network, on SQLite and on PostgreSQL, with a clock the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import migrated
from trackkit.contract.options import SetOptions
from trackkit.domain.accounts import Actor, Role
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings
from trackkit.services import options
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Call, Environment
from trackkit.store import database, project_facts
from trackkit.store.database import Store
from trackkit.store.migrate import upgrade


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        """Move on, by the arguments of `timedelta`."""
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Every store test runs on both; where an environment or a project is made in it, the tables are there already."""
    if request.param == "sqlite":
        return None
    made = {"environment": "migrated_url", "project": "migrated_project_url"}
    url: str = request.getfixturevalue(
        next((made[name] for name in made if name in request.fixturenames), "postgres_url")
    )
    return url


@pytest.fixture
def environment(tmp_path: Path, database_url: str | None, clock: Clock) -> Iterator[Environment]:
    folder = prepare(tmp_path / "data")
    if database_url is None:
        migrated.copy_to(folder)
    with compose.environment(folder, MachineSettings(), database_url, clock) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, database_url: str | None, clock: Clock) -> Iterator[Store]:
    """A project database as every new one is; its administrator has no password."""
    if database_url is None:
        migrated.project_to(tmp_path / "project.db")
        store = database.sqlite(tmp_path / "project.db")
    else:
        store = database.postgresql(database_url)
        upgrade(store, "project")  # has nothing to do, but where the tables are those of an environment
    store.write(lambda c: project_facts.found_project(c, "first", clock(), "administrator", None))
    yield store
    store.close()


@pytest.fixture
def admin(environment: Environment, clock: Clock) -> AsUser:
    return AsUser(environment, clock, Actor("admin", Role.admin, "127.0.0.1", session_id="test"))


@pytest.fixture
def queue(environment: Environment, admin: AsUser) -> DeliveryQueue:
    """The server's own view of the queue; a mail host is set."""
    admin.set({"sending.smtp.host": "mail.example.org"})
    return DeliveryQueue(environment, "server", jitter=lambda: 0.0)


class AsUser:
    """Makes calls in somebody's name, each at the clock's present time."""

    def __init__(self, environment: Environment, clock: Clock, actor: Actor) -> None:
        self.environment, self.clock, self.actor = environment, clock, actor

    def __call__(self) -> Call:
        return Call(self.environment, self.actor, self.clock())

    def set(self, values: dict[str, object]) -> None:
        """Set options."""
        options.set_options(self(), SetOptions(values=values))

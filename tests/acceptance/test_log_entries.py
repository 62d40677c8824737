"""What the server writes into its log by itself, each level with what belongs to it, through a running server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance.conftest import House
from tests.ports import wait_until
from trackkit.client.project import Project
from trackkit.contract.log import LogRow
from trackkit.domain.errors import DatabaseUnavailable, InvalidInput, NotLoggedIn, Unavailable, WrongLogin
from trackkit.domain.log import Severity


def told(house: House, level: Severity, text: str, **conditions: Any) -> list[LogRow]:
    """The entries of that level alone that hold the text, newest first."""
    return list(house.admin.log.list(level.name, "only", text=text, **conditions).entries)


@pytest.fixture(scope="module")
def database(house: House) -> str:
    return house.make("logged")


@pytest.fixture
def project(house: House, database: str) -> Project:
    return house.project(database)


@pytest.mark.spec("4: an entry has time, level, source, database, user, client address, message, details")
@pytest.mark.spec("4: Error: an attached file cannot be opened")
def test_a_damaged_file_is_an_error(house: House, project: Project) -> None:
    defect = project.add("defect", title="It stops")
    file = project.attach("defect", defect.key, "a.txt", b"the bytes")
    house.project_sql(project.database, f"UPDATE files SET sha256 = '{'0' * 64}' WHERE id = {file.file_id}")
    with pytest.raises(Unavailable, match=r"a\.txt"):
        project.file(file.file_id)
    [entry] = told(house, Severity.error, "a.txt")
    assert (entry.level, entry.source, entry.details) == ("error", "project", "")
    assert (entry.database, entry.username) == (project.database, "administrator")
    assert entry.client_address == "local socket"
    assert abs(datetime.now(UTC) - entry.at) < timedelta(hours=1)


@pytest.mark.spec("4: Error: a table cannot be opened")
def test_a_missing_table_is_an_error(house: House) -> None:
    project = house.project(house.make("without a table"))
    house.project_sql(project.database, "ALTER TABLE defects RENAME TO defects_away")
    with pytest.raises(DatabaseUnavailable):
        project.list("defect")
    entries = told(house, Severity.error, "A table of database", database=project.database)
    assert entries
    assert "defects" in entries[0].message
    house.project_sql(project.database, "ALTER TABLE defects_away RENAME TO defects")
    assert project.list("defect").total == 0


@pytest.mark.spec("4: Warning: mail settings removed")
def test_removed_mail_settings_are_a_warning(house: House) -> None:
    house.admin.options.set({"sending.smtp.host": "relay.invalid", "sending.paused": True})
    house.admin.options.set({"sending.smtp.host": None})
    assert told(house, Severity.warning, "The SMTP host was removed")
    house.admin.options.set({"sending.method": "direct"})
    house.admin.options.set({"sending.method": "smtp"})
    assert told(house, Severity.warning, "No SMTP host is set: no mail can leave")


@pytest.mark.spec("4: Unusual Activity: failed log-ins")
def test_failed_log_ins_are_unusual(house: House) -> None:
    with pytest.raises(WrongLogin):
        house.server.connect("mallory", "guessed password")
    [entry] = told(house, Severity.unusual_activity, "mallory")
    assert entry.client_address == "127.0.0.1"
    assert "guessed" not in entry.message + entry.details


@pytest.mark.spec("4: Unusual Activity: refused paths")
@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda house, path: house.admin.databases.create(path), "/etc/cron.d"),
        (lambda house, path: house.admin.databases.create(path), "../outside"),
        (lambda house, path: house.admin.databases.add(path), "/root/elsewhere"),
        (lambda house, path: house.admin.databases.browse(path), "/etc"),
        (lambda house, path: house.admin.databases.browse(path), "/var/../etc/ssl"),
        (lambda house, path: house.admin.databases.backup(house.make("b"), root=path), "/tmp/stolen"),
        (
            lambda house, path: house.admin.tasks.add(name="t", kind="backup", database=house.make("b"), root=path),
            "/tmp/stolen nightly",
        ),
    ],
)
def test_refused_paths_are_unusual(house: House, ask: Callable[[House, str], object], path: str) -> None:
    with pytest.raises(InvalidInput):
        ask(house, path)
    entry = told(house, Severity.unusual_activity, repr(path))[0]
    assert (entry.username, entry.client_address) == ("admin", "local socket")
    assert " was refused: it " in entry.message


def test_a_mistyped_name_is_nothing_unusual_and_no_password_gets_into_the_log(house: House) -> None:
    with pytest.raises(InvalidInput):
        house.admin.databases.create("a*b")
    assert not told(house, Severity.unusual_activity, "a*b")
    with pytest.raises(InvalidInput):
        house.admin.databases.create("postgresql://joe:hunter2@db.invalid/x")
    assert told(house, Severity.unusual_activity, "db.invalid")
    assert not house.admin.log.list(text="hunter2").entries


@pytest.mark.spec("4: Information: time-outs")
def test_a_session_that_times_out_is_told(house: House) -> None:
    house.admin.users.add("sleeper", "viewer", "a sleeper's password")
    sleeper = house.server.connect("sleeper", "a sleeper's password")
    name = house.make("idle")
    idle = house.project(name)
    house.sql("UPDATE sessions SET last_used_at = 0 WHERE local = false")
    house.sql("UPDATE project_sessions SET last_used_at = 0")
    with pytest.raises(NotLoggedIn):
        sleeper.log.list()
    with pytest.raises(NotLoggedIn):
        idle.list("defect")
    [entry] = told(house, Severity.information, "sleeper timed out")
    assert entry.username == "sleeper"
    assert told(house, Severity.information, "timed out", database=name)


@pytest.mark.spec("4: Information: deleted user, customer, defect")
def test_deletions_are_told(house: House, project: Project) -> None:
    house.admin.users.add("leaver", "viewer")
    house.admin.users.delete("leaver")
    [entry] = told(house, Severity.information, "User leaver was deleted")
    assert entry.username == "admin"
    project.add("customer", name="ACME")
    project.add("user", name="Grace")
    key = project.add("defect", title="It stops").key
    for kind, which in (("customer", "ACME"), ("user", "Grace"), ("defect", key)):
        project.delete(kind, which)
        [entry] = told(house, Severity.information, f"{kind.title()} {which}", database=project.database)
        assert "was deleted" in entry.message
        assert entry.username == "administrator"


@pytest.mark.spec("4: Information: settings changed: who, before and after, secrets only as changed")
def test_changed_settings_are_told_with_before_and_after(house: House) -> None:
    house.admin.options.set({"sending.timing.days": 6})
    house.admin.options.set({"sending.timing.days": 9, "sending.smtp.password": "hunter2-hunter2"})
    house.admin.options.set({"sending.smtp.password": "hunter3-hunter3"})
    entry = told(house, Severity.information, "Option sending.timing.days was changed")[0]
    assert (entry.username, entry.client_address) == ("admin", "local socket")
    assert entry.details == "before: 6\nafter: 9"
    entry = told(house, Severity.information, "Option sending.smtp.password was changed")[0]
    assert entry.details == "before: set\nafter: changed"
    assert not house.admin.log.list(text="hunter").entries


@pytest.mark.spec("4: optional retention by age and by count")
def test_retention_deletes_by_itself_and_warns_before(house: House) -> None:
    for number in range(30):
        house.admin.options.set({"sending.timing.days": 10 + number % 2})
    assert house.admin.log.list(limit=1).total > 21
    state = house.admin.options.set({"log.retention_entries": 20})
    assert any("cannot be undone" in warning for warning in state.warnings)
    wait_until(lambda: told(house, Severity.information, "Entries were deleted by retention"), what="retention")
    assert house.admin.log.list(limit=1).total <= 20
    record = next(record for record in house.admin.audit.list().records if record.operation == "log.retention")
    assert int(record.after["by number"]) > 0
    house.admin.options.set({"log.retention_entries": None})


@pytest.mark.spec("7: log: level of the server database: off, or that level and all more severe")
def test_the_level_counts_at_once(house: House) -> None:
    house.admin.options.set({"log.database_level": "off"})
    with pytest.raises(WrongLogin):
        house.server.connect("while-off", "wrong password")
    house.admin.options.set({"log.database_level": "unusual_activity"})
    house.admin.options.set({"sending.timing.days": 3})
    with pytest.raises(WrongLogin):
        house.server.connect("while-on", "wrong password")
    house.admin.options.set({"log.database_level": "information"})
    assert not house.admin.log.list(text="while-off").entries
    assert house.admin.log.list(text="while-on").entries
    found = house.admin.log.list("information", "only", text="Option sending.timing.days was changed", limit=1).entries
    assert not found or "after: 3" not in found[0].details

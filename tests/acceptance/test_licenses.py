"""Licenses through a running server: what may be entered, who is let in, and what is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests import licensed
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.client import dedicated
from trackkit.domain.errors import (
    Conflict,
    InvalidInput,
    NoSeat,
    NotAllowed,
    NotLoggedIn,
    SerialForged,
    SerialMistyped,
)
from trackkit.domain.licenses import normal_form

PASSWORD = "correct horse battery"
TODAY = datetime.now(UTC).date()
ELSEWHERE = "12345678-1234-5678-1234-567812345678"


@pytest.fixture
def server(database_url: str | None, start: Start) -> RunningServer:
    """A server that accepts serials made here, with a project."""
    running = start(None, None, database_url, seats=0)
    running.admin.databases.create("work", administrator_password=PASSWORD)
    return running


def serial(server: RunningServer, kind: str, seats: int = 1, until: date | None = None) -> str:
    server_id = None if kind == "dedicated" else server.admin.licenses.list().server_id
    return licensed.serial(kind, seats, server_id, until)


def only(server: RunningServer, **kinds: int) -> None:
    """Just these licenses."""
    for one in server.admin.licenses.list().licenses:
        server.admin.licenses.delete(one.license_id)
    licensed.give_seats(server.admin, **kinds)


def told(server: RunningServer, level: str, text: str) -> bool:
    found = server.admin.log.list(level, "only", text=text).entries
    return bool(found)


@pytest.mark.spec("3: a fresh server comes with a small evaluation license")
@pytest.mark.spec("3: native, web and API log-ins need a seat; API log-ins take a web seat")
@pytest.mark.spec("3: no license limits the number of users in a database")
@pytest.mark.spec("9: log-in by kind of client: native, web, API")
def test_each_kind_of_client_takes_a_seat_of_its_pool(server: RunningServer) -> None:
    admin = server.admin
    evaluation = admin.licenses.list()
    assert [one.evaluation for one in evaluation.licenses] == [True]
    assert {use.pool: (use.seats, use.in_use) for use in evaluation.pools}["web"] == (5, 0)
    opened = [admin.project("work", "administrator", PASSWORD, client=kind) for kind in ("native", "web", "api")]
    pools = {use.pool.value: use.in_use for use in admin.licenses.seats().pools}
    assert pools == {"floating": 1, "web": 2, "dedicated": 0}
    frame = admin.licenses.seats_frame()
    assert sorted(frame["client"]) == ["api", "native", "web"]
    for number in range(20):
        opened[0].add("user", name=f"user {number}", password=PASSWORD)
    for project in opened:
        project.close()
    assert len(admin.licenses.seats().seats) == 0
    only(server)
    for kind in ("native", "web", "api"):
        with pytest.raises(NoSeat, match="has no license for"):
            admin.project("work", "administrator", PASSWORD, client=kind)  # type: ignore[arg-type]


@pytest.mark.spec("3: add, edit (replace the serial), delete (asks first)")
@pytest.mark.spec("3: serials are pasted or read from a file; case, dashes and blanks do not matter")
@pytest.mark.spec("3: mistyped serials are told apart from forged ones")
@pytest.mark.spec("3: floating, web and solosubmit serials name the one server they are valid on")
def test_what_may_be_entered_and_what_not(server: RunningServer) -> None:
    licenses = server.admin.licenses
    good = serial(server, "web", 7)
    before = licenses.list()
    with pytest.raises(SerialMistyped):
        licenses.add(licensed.mistyped(good))
    with pytest.raises(SerialForged):
        licenses.add(licensed.serial("web", 7, before.server_id, key=licensed.STRANGE))
    assert told(server, "unusual_activity", "A forged serial was entered")
    for wrong, words in (
        (licensed.serial("web", 7, ELSEWHERE), ELSEWHERE),
        (licensed.serial("dedicated"), "dedicated"),
        (licensed.serial("web", 7, before.server_id, TODAY - timedelta(days=2), TODAY - timedelta(days=9)), "ended"),
        (licensed.serial("web", 7, before.server_id, issued_on=TODAY + timedelta(days=3)), "clock"),
    ):
        with pytest.raises(InvalidInput) as refused:
            licenses.add(wrong)
        assert words in str(refused.value)
        assert wrong[:30] not in str(refused.value)
    assert licenses.list() == before, "what is refused changes nothing"
    assert licenses.add(good, preview=True).seats == {"web": 7}
    assert licenses.list() == before
    added = licenses.add("  " + good.lower().replace("-", "\n") + " ")
    with pytest.raises(Conflict):
        licenses.add(good)
    changed = licenses.edit(added.license_id, serial(server, "floating", 9))
    assert (changed.license_id, changed.seats) == (added.license_id, {"floating": 9})
    assert licenses.delete(added.license_id, preview=True).license.seats == {"floating": 9}
    licenses.delete(added.license_id)
    assert licenses.list() == before
    shown = server.admin.audit.list(limit=3).records
    assert [record.operation for record in shown] == ["license.delete", "license.edit", "license.add"]
    assert not any(normal_form(good) in str(record.model_dump()) for record in shown)


@pytest.mark.spec("3: maintenance and other licenses cannot be mixed; a dedicated serial of the other sort is refused")
def test_the_two_sorts_do_not_mix(server: RunningServer) -> None:
    licenses, year = server.admin.licenses, TODAY + timedelta(days=365)
    added = licenses.add(serial(server, "web", 7))
    with pytest.raises(Conflict, match="cannot be mixed"):
        licenses.add(serial(server, "floating", 3, year))
    with pytest.raises(Conflict, match="cannot be mixed"):
        server.admin.project("work", "administrator", PASSWORD, "native", serial(server, "dedicated", until=year))
    licenses.delete(added.license_id)
    licenses.add(serial(server, "floating", 3, year))
    server.admin.project("work", "administrator", PASSWORD, "native", serial(server, "dedicated", until=year)).close()


@pytest.mark.spec("3: maintenance: expiry is warned about ahead and on the day, seats stay")
def test_maintenance_ends_and_the_seats_stay(server: RunningServer, database_url: str | None) -> None:
    only(server)
    licenses = server.admin.licenses
    licenses.add(serial(server, "web", 2, TODAY + timedelta(days=20)))
    assert told(server, "warning", f"ends on {TODAY + timedelta(days=20)}")
    licenses.add(serial(server, "web", 2, TODAY))
    assert told(server, "warning", "ends today")
    over = licensed.serial(
        "web", 3, licenses.list().server_id, TODAY - timedelta(days=1), issued_on=TODAY - timedelta(days=365)
    )
    server.stop()
    entered(server, database_url, normal_form(over))
    server.restart()
    wait_until(lambda: told(server, "warning", f"ended on {TODAY - timedelta(days=1)}"), what="the warning")
    assert {use.pool: use.seats for use in server.admin.licenses.list().pools}["web"] == 7
    findings = [finding for finding in server.admin.health().findings if finding.subject.startswith("license ")]
    assert len(findings) == 3


def entered(server: RunningServer, database_url: str | None, text: str) -> None:
    """A serial that was entered long ago."""
    statement = "INSERT INTO licenses (serial, added_at, added_by) VALUES ({0}, 0, 'admin')"
    if database_url:
        with psycopg.connect(database_url) as postgresql:
            postgresql.execute(statement.format("%s"), [text])
        return
    with closing(sqlite3.connect(server.data / "trackkit.db")) as connection, connection:
        connection.execute(statement.format("?"), [text])


@pytest.mark.spec("3: dedicated: asked for once, remembered on that computer, presented at log-in; on several servers")
@pytest.mark.spec("3: the same dedicated serial twice on a server is refused and logged as Unusual Activity")
def test_a_dedicated_license_is_remembered_and_presented(server: RunningServer, start: Start) -> None:
    only(server)
    other = start(None, None, None, seats=0)
    other.admin.databases.create("work", administrator_password=PASSWORD)
    mine = serial(server, "dedicated")
    with pytest.raises(NoSeat):
        server.admin.project("work", "administrator", PASSWORD, "native")
    dedicated.remember(SecretStr(mine.lower()))
    assert dedicated.path().stat().st_mode & 0o777 == 0o600
    with server.admin.project("work", "administrator", PASSWORD, "native"):
        seat = server.admin.licenses.seats().seats[0]
        assert (seat.pool, bool(seat.license_number)) == ("dedicated", True)
        with other.admin.project("work", "administrator", PASSWORD, "native"):
            assert [one.license_number for one in other.admin.licenses.seats().seats] == [seat.license_number]
        with pytest.raises(NoSeat, match="in use already: administrator since"):
            server.admin.project("work", "administrator", PASSWORD, "native")
        assert told(server, "unusual_activity", "in use already")
    dedicated.path().chmod(0o644)
    with pytest.raises(NotAllowed, match="read by others"):
        server.admin.project("work", "administrator", PASSWORD, "native")
    assert dedicated.forget()
    with pytest.raises(SerialForged):
        server.admin.project(
            "work", "administrator", PASSWORD, "native", licensed.serial("dedicated", key=licensed.STRANGE)
        )
    assert told(server, "unusual_activity", "presented a forged serial")


@pytest.mark.spec("3: seats are leases: log-out gives one back")
@pytest.mark.spec("3: an operator can end a session to free its seat")
@pytest.mark.spec("3: usage history: seats in use over time, peaks, refusals")
@pytest.mark.spec("13: seat replay")
def test_an_operator_frees_a_seat_and_the_history_knows(server: RunningServer) -> None:
    only(server, web=1)
    admin = server.admin
    admin.users.add("olga", "operator", PASSWORD)
    admin.users.add("vera", "viewer", PASSWORD)
    first = admin.project("work", "administrator", PASSWORD, "web")
    with pytest.raises(NoSeat, match="The only web seat is taken: administrator since"):
        admin.project("work", "administrator", PASSWORD, "web")
    with server.connect("vera", PASSWORD) as viewer:
        seat = viewer.licenses.seats().seats[0]
        with pytest.raises(Exception, match="no session"):
            viewer.sessions.end(seat.session_id)
        with pytest.raises(NotAllowed):
            viewer.licenses.add(serial(server, "web", 2))
    assert any(finding.subject == "seats" for finding in admin.health().findings)
    with server.connect("olga", PASSWORD) as operator:
        operator.sessions.end(seat.session_id)
    with pytest.raises(NotLoggedIn):
        first.session()
    admin.project("work", "administrator", PASSWORD, "web").close()
    endings = [use.ending.value for use in admin.licenses.history().uses]
    assert endings == ["returned", "ended", "refused"]
    assert [use.ending for use in admin.licenses.history(refused_only=True).uses] == ["refused"]
    points = admin.licenses.usage("web").points
    assert (max(p.peak for p in points), sum(p.refusals for p in points), points[-1].capacity) == (1, 1, 1)
    assert list(admin.licenses.usage_frame("web")["peak"])[-1] == 1
    played = admin.licenses.replay("web", 1, 30)
    assert (played.really_refused, played.wanted, played.refusals) == (1, 3, 1)


@pytest.mark.spec("3: license keygen and issue make serials; which key a server accepts is set only on its machine")
def test_a_key_pair_of_ones_own_makes_serials_for_a_server(
    database_url: str | None, start: Start, tmp_path: Path
) -> None:
    key, server = tmp_path / "owner.pem", start(None, None, database_url)
    trackkit, of_server = CommandLine(tmp_path, {}), ("--data", str(server.data))
    public = trackkit("license", "keygen", str(key)).strip()
    assert key.stat().st_mode & 0o777 == 0o600
    trackkit("license", "keygen", str(key), exit_code=2)  # nothing is written over
    file, server_id = tmp_path / "serial", server.admin.licenses.list().server_id
    asked = ("license", "issue", "web", "--key", str(key), "--seats", "30", "--server-id", server_id)
    trackkit(*asked, "--out", str(file))
    refused = trackkit.run("license", "add", "--serial", f"file:{file}", *of_server)
    assert (refused.returncode, "none of the keys" in refused.stderr) == (2, True)
    server.stop()
    trackkit("server", "set", "license-keys", public, *of_server)
    server.restart()
    text = file.read_text().strip()
    assert "30 web" in trackkit("license", "add", *of_server, stdin=text + "\n")
    written_out = trackkit.run("license", "add", "--serial", text, *of_server)
    assert (written_out.returncode, text in written_out.stderr) == (2, False)
    assert "of 35 web seats taken" in trackkit.run("license", "list", *of_server).stderr
    gone = trackkit.run("license", "remove", "2", *of_server)
    assert (gone.returncode, "asks first" in gone.stderr) == (2, True)
    trackkit("license", "remove", "2", "--yes", *of_server)
    assert "of 5 web seats taken" in trackkit.run("license", "list", *of_server).stderr

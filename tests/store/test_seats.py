"""Seats and licenses with their database, on both, with a clock the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests import licensed
from tests.store.conftest import AsUser, Clock
from trackkit.contract import licenses as contract
from trackkit.contract.operation import Nothing
from trackkit.contract.options import SetOptions
from trackkit.contract.project import OpenProject
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.errors import Conflict, InvalidInput, NoSeat, NotFound, NotLoggedIn, SerialForged, SerialMistyped
from trackkit.domain.licenses import LicenseKind, public_key
from trackkit.domain.log import LogFilter, Severity
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings
from trackkit.services import health, licensing, options, project_login, sample, seat_reports, seats, sessions
from trackkit.services.environment import Call, Environment
from trackkit.store import licenses, log, project_sessions, seat_history
from trackkit.store.seat_history import SeatUse

TODAY = date(2026, 3, 1)
"""What the clock of these tests says."""


@pytest.fixture
def environment(tmp_path: Path, database_url: str | None, clock: Clock) -> Iterator[Environment]:
    """With the sample database, and the tests' own license key."""
    settings = MachineSettings(license_keys=(licensed.PUBLIC,))
    with compose.environment(prepare(tmp_path / "data"), settings, database_url, clock) as made:
        sample.make_once(made, wanted=True)
        yield made


def serial(environment: Environment, kind: str, number: int = 1, **more: object) -> SecretStr:
    server_id = None if kind == "dedicated" else more.pop("server_id", environment.server_id)
    return SecretStr(licensed.serial(kind, number, server_id, issued_on=TODAY, **more))  # type: ignore[arg-type]


def only(admin: AsUser, environment: Environment, **kinds: int) -> None:
    """Just these licenses, not that for evaluation."""
    for one in licensing.list_licenses(admin(), Nothing()).licenses:
        licensing.delete_license(admin(), contract.DeleteLicense(license_id=one.license_id))
    for kind, number in kinds.items():
        licensing.add_license(admin(), contract.AddLicense(serial=serial(environment, kind, number)))


def log_in(environment: Environment, clock: Clock, client: str = "web", user: str = "ana", **more: object) -> str:
    """The token of a new session."""
    nobody = Call(environment, Actor("", Role.viewer, "192.0.2.7"), clock())
    asked = OpenProject(database="sample", username=user, password=SecretStr(sample.PASSWORD), client=client, **more)  # type: ignore[arg-type]
    return project_login.open_project(nobody, asked).token


def request(environment: Environment, token: str, *, automatic: bool = False) -> Actor:
    return project_login.authenticate_project(environment, token, "192.0.2.7", False, automatic)


def held(admin: AsUser) -> dict[str, int]:
    return {use.pool.value: use.in_use for use in seat_reports.list_seats(admin(), Nothing()).pools}


def told(environment: Environment, severity: Severity) -> list[str]:
    environment.log.flush()
    found = environment.log_store.read(lambda c: log.page(c, LogFilter(severities=(severity,)), None, 100))
    return [entry.message for _, entry in found]


def endings(admin: AsUser) -> list[str]:
    return [use.ending.value for use in seat_reports.list_uses(admin(), contract.ListUses()).uses]


def test_a_log_in_takes_a_seat_and_a_log_out_gives_it_back(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    only(admin, environment, web=2, floating=1)
    first, second = log_in(environment, clock), log_in(environment, clock, "api", "ben")
    assert held(admin) == {"web": 2, "floating": 0, "dedicated": 0}
    clock.forward(minutes=3)
    with pytest.raises(NoSeat) as refused:
        log_in(environment, clock, user="administrator")
    assert "All 2 web seats are taken" in refused.value.message
    assert "ana since 2026-03-01 12:00 UTC, ben since 2026-03-01 12:00 UTC." in refused.value.message
    assert refused.value.details == {"pool": "web", "seats": "2", "in_use": "2"}
    with pytest.raises(NoSeat):
        log_in(environment, clock, user="administrator")
    assert len(told(environment, Severity.warning)) == 1, "the first of an hour is a warning"
    assert sum("was refused" in words for words in told(environment, Severity.information)) == 1
    log_in(environment, clock, "native")  # another pool
    project_login.close_project(replace(admin(), actor=request(environment, second)), Nothing())
    log_in(environment, clock, user="administrator")
    assert held(admin)["web"] == 2
    assert request(environment, first).username == "ana"
    assert endings(admin) == ["returned", "refused", "refused"]


def test_who_of_another_project_holds_a_seat_is_not_told(environment: Environment) -> None:
    rows = [
        project_sessions.ProjectSessionRow(
            "s",
            1,
            name,
            1,
            user,
            "web",
            "",
            environment.clock(),
            environment.clock(),
            environment.clock(),
            pool,
            "",
            [],
        )
        for name, user, pool in (("sample", "ana", seats.Pool.web), ("secret", "spy", seats.Pool.web))
    ]
    asked = seats.Wanted(seats.Pool.web, "web", "sample", "cem", None)
    assert seats._who(rows, asked) == "ana since 2026-03-01 12:00 UTC, 1 in other projects."


def test_a_seat_nobody_uses_comes_back_and_so_does_one_of_a_client_that_vanished(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    only(admin, environment, web=1, floating=1)
    options.set_options(
        admin(),
        SetOptions(
            values={"server.web_idle_minutes": 20, "server.api_idle_minutes": 5, "server.native_idle_minutes": 60}
        ),
    )
    web, native = log_in(environment, clock), log_in(environment, clock, "native")
    for _ in range(5):
        clock.forward(minutes=4)
        request(environment, native, automatic=True)  # is heard of, and does nothing
        if clock.now.minute < 20:
            request(environment, web, automatic=True)
    with pytest.raises(NotLoggedIn, match="timed out"):
        request(environment, web, automatic=True)
    assert request(environment, native, automatic=True).username == "ana"
    assert endings(admin) == ["idle"]
    clock.forward(minutes=5)
    seats.reclaim_seats(environment)
    assert held(admin) == {"web": 0, "floating": 0, "dedicated": 0}
    assert endings(admin) == ["vanished", "idle"]
    told_words = told(environment, Severity.information)
    assert any("not heard of any more" in words for words in told_words)
    assert any("timed out; its seat is free again" in words for words in told_words)


def test_a_log_in_reclaims_what_is_over_before_it_is_refused(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    only(admin, environment, web=1)
    log_in(environment, clock)
    clock.forward(minutes=environment.options.current.server.web_idle_minutes)
    log_in(environment, clock, user="ben")
    assert endings(admin) == ["idle"]


def test_ending_a_session_frees_its_seat(environment: Environment, admin: AsUser, clock: Clock) -> None:
    from trackkit.contract.sessions import NamedSession

    only(admin, environment, web=1)
    token = log_in(environment, clock)
    seat = seat_reports.list_seats(admin(), Nothing()).seats[0]
    sessions.end_session(admin(), NamedSession(session_id=seat.session_id))
    with pytest.raises(NotLoggedIn):
        request(environment, token)
    log_in(environment, clock, user="ben")
    assert endings(admin) == ["ended"]


def test_a_clock_put_back_holds_no_seat_longer(environment: Environment, admin: AsUser, clock: Clock) -> None:
    only(admin, environment, web=1)
    log_in(environment, clock)
    clock.forward(hours=-5)
    with pytest.raises(NoSeat):
        log_in(environment, clock, user="ben")
    clock.forward(minutes=environment.options.current.server.web_idle_minutes)
    log_in(environment, clock, user="ben")
    clock.forward(days=400)
    seats.reclaim_seats(environment)
    assert held(admin)["web"] == 0


def test_many_at_once_never_hold_more_than_there_are(environment: Environment, admin: AsUser, clock: Clock) -> None:
    only(admin, environment, web=3)

    def try_it(_: int) -> str:
        while True:
            try:
                return log_in(environment, clock)
            except NoSeat:
                return ""
            except Exception as error:
                if type(error).__name__ not in ("Unavailable", "TooManyAttempts"):
                    raise

    with ThreadPoolExecutor(12) as pool:
        tokens = [token for token in pool.map(try_it, range(24)) if token]
    assert len(tokens) == held(admin)["web"] == 3
    assert endings(admin).count("refused") == 21


def test_a_dedicated_license_lets_one_in_once(environment: Environment, admin: AsUser, clock: Clock) -> None:
    only(admin, environment)
    mine = serial(environment, "dedicated")
    with pytest.raises(NoSeat, match="no license for native clients"):
        log_in(environment, clock, "native")
    token = log_in(environment, clock, "native", serial=mine)
    assert held(admin)["dedicated"] == 1
    with pytest.raises(NoSeat, match="in use already: ana since"):
        log_in(environment, clock, "native", "ben", serial=mine)
    assert any("in use already" in words for words in told(environment, Severity.unusual_activity))
    log_in(environment, clock, "native", "ben", serial=serial(environment, "dedicated"))
    project_login.close_project(replace(admin(), actor=request(environment, token)), Nothing())
    log_in(environment, clock, "native", "administrator", serial=mine)
    with pytest.raises(InvalidInput, match="serial"):
        log_in(environment, clock, "web", serial=serial(environment, "dedicated"))
    with pytest.raises(InvalidInput) as refused:
        log_in(environment, clock, "native", serial=serial(environment, "floating"))
    assert "entered on the server" in refused.value.problems[0].message
    with pytest.raises(SerialMistyped):
        log_in(environment, clock, "native", serial=SecretStr("ABC"))
    forged = SecretStr(licensed.serial("dedicated", key=licensed.STRANGE))
    with pytest.raises(SerialForged):
        log_in(environment, clock, "native", serial=forged)
    assert any("forged" in words for words in told(environment, Severity.unusual_activity))
    with pytest.raises(InvalidInput) as early:
        log_in(environment, clock, "native", serial=SecretStr(licensed.serial("dedicated", issued_on=date(2026, 6, 1))))
    assert "clock" in str(early.value)


def test_maintenance_and_other_licenses_are_not_mixed_at_a_log_in_either(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    only(admin, environment, floating=1)
    yearly = serial(environment, "dedicated", until=TODAY + timedelta(days=300))
    with pytest.raises(Conflict, match="cannot be mixed"):
        log_in(environment, clock, "native", serial=yearly)
    only(admin, environment)
    log_in(environment, clock, "native", serial=yearly)
    clock.forward(days=400)
    seats.reclaim_seats(environment)
    log_in(environment, clock, "native", serial=yearly)  # seats stay
    assert any("ended on" in words for words in told(environment, Severity.warning))


def test_entering_replacing_and_deleting(environment: Environment, admin: AsUser, clock: Clock) -> None:
    first = licensing.list_licenses(admin(), Nothing())
    assert [one.evaluation for one in first.licenses] == [True]
    assert first.licenses[0].seats == {"floating": 5, "web": 5, "solosubmit": 1}
    new = serial(environment, "web", 7, until=TODAY + timedelta(days=365))
    shown = licensing.add_license(admin(), contract.AddLicense(serial=new, preview=True))
    assert (shown.seats, shown.maintenance_until) == ({"web": 7}, TODAY + timedelta(days=365))
    assert len(licensing.list_licenses(admin(), Nothing()).licenses) == 1, "a preview changes nothing"
    added = licensing.add_license(admin(), contract.AddLicense(serial=new))
    spread = SecretStr(new.get_secret_value().lower().replace("-", "  "))
    with pytest.raises(Conflict, match="entered already"):
        licensing.add_license(admin(), contract.AddLicense(serial=spread))
    plain = serial(environment, "floating", 3)
    with pytest.raises(Conflict, match="cannot be mixed"):
        licensing.add_license(admin(), contract.AddLicense(serial=plain))
    changed = licensing.edit_license(admin(), contract.EditLicense(license_id=added.license_id, serial=plain))
    assert changed.seats == {"floating": 3}
    pools = {use.pool.value: use.seats for use in licensing.list_licenses(admin(), Nothing()).pools}
    assert pools == {"floating": 8, "web": 5, "dedicated": 0}
    for text, kind in (
        ("nonsense", SerialMistyped),
        (licensed.serial("web", 1, environment.server_id, key=licensed.STRANGE), SerialForged),
    ):
        with pytest.raises(kind):
            licensing.add_license(admin(), contract.AddLicense(serial=SecretStr(text)))
    with pytest.raises(InvalidInput) as elsewhere:
        licensing.add_license(
            admin(),
            contract.AddLicense(serial=serial(environment, "web", server_id="12345678-1234-5678-1234-567812345678")),
        )
    assert environment.server_id in str(elsewhere.value)
    with pytest.raises(NotFound):
        licensing.edit_license(admin(), contract.EditLicense(license_id=99, serial=plain))
    log_in(environment, clock, "native")
    doomed = licensing.delete_license(admin(), contract.DeleteLicense(license_id=added.license_id, preview=True))
    assert doomed.in_use == 1
    licensing.delete_license(admin(), contract.DeleteLicense(license_id=added.license_id))
    assert held(admin)["floating"] == 1, "who holds a seat keeps it"


def test_what_somebody_writes_into_the_database_gives_no_seat(environment: Environment, admin: AsUser) -> None:
    forged = licensed.serial("web", 500, environment.server_id, issued_on=TODAY, key=licensed.STRANGE)
    other = licensed.serial("web", 500, "12345678-1234-5678-1234-567812345678", issued_on=TODAY)
    for text in (forged, other, "rubbish"):
        environment.store.write(lambda c, text=text: licenses.add_license(c, text, "somebody", environment.clock()))  # type: ignore[misc]
    found = licensing.list_licenses(admin(), Nothing())
    assert {use.pool.value: use.seats for use in found.pools}["web"] == 5
    assert [bool(one.problem) for one in found.licenses] == [False, True, True, True]
    findings = health.health(admin(), Nothing()).findings
    assert sum("license" in finding.subject for finding in findings) == 3


def test_the_end_of_maintenance_is_warned_about_ahead_on_the_day_and_once_each(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    only(admin, environment)
    last = TODAY + timedelta(days=40)
    licensing.add_license(admin(), contract.AddLicense(serial=serial(environment, "web", 2, until=last)))
    expected = 0
    for day in range(45):
        licensing.warn_of_maintenance(environment)
        licensing.warn_of_maintenance(environment)
        expected += day in (10, 33, 40, 41)
        assert sum("maintenance" in words for words in told(environment, Severity.warning)) == expected, day
        clock.forward(days=1)
    assert licensing.list_licenses(admin(), Nothing()).pools[1].seats == 2, "seats stay"


def test_the_history_is_sampled_and_does_not_grow(
    environment: Environment, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(admin, environment, web=3, floating=2)
    log_in(environment, clock)
    for _ in range(4):
        seats.sample_seats(environment)
        clock.forward(minutes=1)
    log_in(environment, clock, user="ben")
    seats.sample_seats(environment)
    points = seat_reports.usage(admin(), contract.AskUsage(pool="web")).points
    assert [(p.capacity, p.peak, p.mean, p.refusals) for p in points] == [(3, 2, (4 * 1 + 2) / 5, 0)]
    for _ in range(30):
        clock.forward(hours=1)
        seats.reclaim_seats(environment)
        seats.sample_seats(environment)
    assert len(seat_reports.usage(admin(), contract.AskUsage(pool="web")).points) == 31
    days = seat_reports.usage(admin(), contract.AskUsage(pool="web", by="day")).points
    assert [p.peak for p in days] == [2, 0]
    clock.forward(days=410)
    seats.tidy_history(environment)
    since = clock.now - timedelta(days=500)
    kept = seat_reports.usage(admin(), contract.AskUsage(pool="web", since=since, by="day")).points
    assert [(p.hours, p.peak) for p in kept] == [(24, 2), (24, 0)]
    assert endings(admin) == [], "uses are kept for 400 days"
    clock.forward(days=3650)
    seats.tidy_history(environment)
    assert environment.store.read(lambda c: seat_history.hours(c, since, clock.now, None)) == []
    monkeypatch.setattr(seat_history, "MOST_USES", 10)
    use = SeatUse(seats.Pool.web, "", "a", "x", "web", "", clock.now, clock.now, clock.now, seats.Ending.idle, [])
    environment.store.write(lambda c: seat_history.add_uses(c, [use] * 25))
    seats.tidy_history(environment)
    assert len(endings(admin)) == 10
    with pytest.raises(InvalidInput, match="by"):
        seat_reports.usage(admin(), contract.AskUsage(since=clock.now - timedelta(days=300)))


def test_replay_of_what_happened(environment: Environment, admin: AsUser, clock: Clock) -> None:
    only(admin, environment, web=2)
    start = clock.now
    ana = log_in(environment, clock)
    clock.forward(minutes=10)
    log_in(environment, clock, user="ben")
    clock.forward(minutes=15)
    request(environment, ana)  # after a pause of 25 minutes
    with pytest.raises(NoSeat):
        log_in(environment, clock, user="administrator")
    clock.forward(minutes=5)
    project_login.close_project(replace(admin(), actor=request(environment, ana)), Nothing())

    def played(seats: int, minutes: int) -> contract.ReplayAnswer:
        asked = contract.AskReplay(pool="web", seats=seats, timeout_minutes=minutes, since=start)
        return seat_reports.replay(admin(), asked)

    # A time-out of 30: ana 0-30, ben 10-40 (still in), cem 25-55: three at once at 25.
    assert [(played(n, 30).refusals, played(n, 30).enough) for n in (1, 2, 3)] == [(2, 3), (1, 3), (0, 3)]
    # One of 10: ana 0-10 and 25-30, ben 10-20, cem 25-35: two at once at 25.
    short = played(1, 10)
    assert (short.wanted, short.refusals, short.enough, short.really_refused) == (4, 1, 2, 1)
    assert short.busiest_at == start + timedelta(minutes=25)
    with pytest.raises(InvalidInput, match="timeout_minutes"):
        played(1, 4)


def test_kinds_are_the_pools() -> None:
    """A kind of license that gives seats is called like the pool of its seats."""
    assert {pool.value for pool in seats.Pool} == {kind.value for kind in LicenseKind} - {"solosubmit"}
    assert public_key(licensed.PUBLIC)

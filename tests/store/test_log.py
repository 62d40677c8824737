"""The server log on both databases, against the filter's meaning in plain Python."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import one_in
from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as contract
from trackkit.contract.options import SetOptions
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import LogEntry, LogFilter, Match, Severity
from trackkit.services import audit, log, options
from trackkit.services.environment import Environment
from trackkit.services.log_deletion import delete_until
from trackkit.store import log as rows


def _fill(environment: Environment, clock: Clock) -> list[LogEntry]:
    words = ("disk low", "100% full", "under_score", "Straße ÄÖ", "back\\slash", "İstanbul", "MIXED case")
    entries = [
        LogEntry(
            clock() - timedelta(hours=n),
            list(Severity)[n % 5],
            ("mail", "log-in")[n % 2],
            words[n % 7],
            details=words[(n * 3) % 7] if n % 3 else "",
            username=("", "olga")[n % 2],
            database=("", "demo")[n % 3 == 0],
        )
        for n in range(70)
    ]
    environment.log_store.write(lambda connection: rows.append(connection, entries))
    return entries


_texts = st.sampled_from(["DISK", "100%", "_", "%", "ß", "ä", "Ä", "\\", "i", "case", "x", "İ"])


@pytest.mark.spec("4: filter by level only / and more severe / and less severe, by time, source, database, user, text")
@settings(max_examples=one_in(3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_filters_mean_what_they_mean_in_plain_python(
    environment: Environment, clock: Clock, data: st.DataObject
) -> None:
    if environment.log_store.read(lambda c: rows.newest_id(c)) == 0:
        _fill(environment, clock)
    moments = st.integers(-5, 75).map(lambda hours: clock() - timedelta(hours=hours))
    wanted = LogFilter(
        severities=data.draw(st.sampled_from(Match)).severities(data.draw(st.sampled_from(Severity))),
        since=data.draw(st.none() | moments),
        until=data.draw(st.none() | moments),
        source=data.draw(st.none() | st.sampled_from(["mail", "none"])),
        database=data.draw(st.none() | st.sampled_from(["demo", ""])),
        username=data.draw(st.none() | st.sampled_from(["olga"])),
        text=data.draw(st.none() | _texts),
    )
    everything = environment.log_store.read(lambda c: rows.page(c, LogFilter(), None, 1000))
    expected = [(key, entry) for key, entry in everything if wanted.matches(entry)]
    assert environment.log_store.read(lambda c: rows.page(c, wanted, None, 1000)) == expected
    assert environment.log_store.read(lambda c: rows.count(c, wanted)) == rows.Counted(len(expected), True)


def test_pages_by_key_cover_everything_once_while_the_log_grows(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    _fill(environment, clock)

    def page(before: int | None) -> contract.LogPage:
        return log.list_log(admin(), contract.ListLog(limit=20, before=before, level="warning", match="less"))

    first = page(None)
    assert first.total == 42
    environment.log.write(Severity.information, "test", "written meanwhile")
    second = page(first.next_before)
    third = page(second.next_before)
    found = [entry.entry_id for part in (first, second, third) for entry in part.entries]
    assert (len(found), third.next_before, third.total) == (42, None, 43)
    assert found == sorted(set(found), reverse=True)


@pytest.mark.spec("4: delete by date: entries up to and including that date (in the server's time zone; says how many)")
def test_delete_up_to_and_including_a_date(environment: Environment, admin: AsUser, clock: Clock) -> None:
    entries = _fill(environment, clock)
    day = clock().astimezone(environment.zone).date() - timedelta(days=1)
    doomed = sum(entry.at.astimezone(environment.zone).date() <= day for entry in entries)
    assert 0 < doomed < 70
    preview = log.delete_log(admin(), contract.DeleteLog(through=day, preview=True))
    assert preview.entries == doomed
    assert log.list_log(admin(), contract.ListLog()).total == 70
    assert log.delete_log(admin(), contract.DeleteLog(through=day)).entries == doomed
    left = log.list_log(admin(), contract.ListLog(limit=1000)).entries
    assert len(left) == 70 - doomed + 1
    assert "deleted" in left[0].message
    from trackkit.contract.audit import ListAudit

    record = audit.list_audit(admin(), ListAudit()).records[0]
    assert (record.operation, record.after) == ("log.delete", {"entries": str(doomed)})


def test_delete_all_leaves_only_the_note_of_it(environment: Environment, admin: AsUser, clock: Clock) -> None:
    _fill(environment, clock)
    assert log.delete_log(admin(), contract.DeleteLog(all=True)).entries == 70
    [left] = log.list_log(admin(), contract.ListLog()).entries
    assert left.username == "admin"


@pytest.mark.parametrize("request_", [{}, {"all": True, "through": date(2026, 1, 1)}])
def test_delete_needs_exactly_one_of_all_and_a_date(admin: AsUser, request_: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        log.delete_log(admin(), contract.DeleteLog(**request_))


def test_only_the_chosen_level_and_more_severe_ones_are_kept(environment: Environment, admin: AsUser) -> None:
    options.set_options(admin(), SetOptions(values={"log.database_level": "warning"}))
    delete_until(environment, None)
    for severity in Severity:
        environment.log.write(severity, "test", severity.name)
    page = log.list_log(admin(), contract.ListLog())
    assert [entry.message for entry in page.entries] == ["warning", "error", "severe_error"]
    options.set_options(admin(), SetOptions(values={"log.database_level": "off", "log.startup_log": True}))
    environment.log.write(Severity.severe_error, "test", "only in the\nfile \x1b[31m")
    assert log.list_log(admin(), contract.ListLog()).total == 3
    last = (environment.data / "startup.log").read_text().splitlines()[-1]
    assert last.endswith("Severe Error: test: only in the | file \N{REPLACEMENT CHARACTER}[31m")


def test_any_text_can_be_logged(environment: Environment, admin: AsUser) -> None:
    environment.log.write(Severity.error, "test", "a\x00b \ud800 c", "d" * 2_000_000)
    [entry] = log.list_log(admin(), contract.ListLog(source="test")).entries
    assert entry.message == "a\N{SYMBOL FOR NULL}b ? c"
    assert len(entry.details) == 1_000_000


def test_a_log_that_cannot_be_written_to_is_told(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    environment.log_store.close()
    environment.log.write(Severity.error, "test", "lost words")
    environment.log.flush()
    assert "lost words" in capsys.readouterr().err
    assert "lost words" in (environment.data / "startup.log").read_text()

"""The panels of licenses and seats, and the log-in that takes a seat, against a real server: buttons pressed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import ipywidgets as w
import pytest
from ipywidgets import Widget
from ipywidgets.widgets.widget import _instances
from pydantic import SecretStr

from tests.conftest import Start
from tests.licensed import mistyped
from tests.licensed_server import Licensed, licensed_server
from tests.unit.page_hands import answer
from trackkit.client import Server, dedicated
from trackkit.client.project import Project
from trackkit.contract.licenses import License, PoolUse, SeatUse
from trackkit.domain.errors import NotLoggedIn
from trackkit.widgets.dedicated_panel import GIVEN, IN_THE_WAY, DedicatedLicense
from trackkit.widgets.license_tables import expiry_warning, licenses_table, pool_bars, refusals_table
from trackkit.widgets.licenses_panel import LicensesPanel, licenses_page
from trackkit.widgets.problems import Trouble
from trackkit.widgets.project_log_in import ProjectLogIn
from trackkit.widgets.seat_replay import ReplayPanel
from trackkit.widgets.seat_usage import UsagePanel
from trackkit.widgets.seats_panel import SeatsPanel

PASSWORD = "somebody's password"
PROJECT_PASSWORD = "trackkit sample"

AsRole = Callable[[str], Server]


@pytest.fixture(scope="module")
def shop(start_for_module: Start) -> Licensed:
    """One floating and two web seats, the sample project, and a user of each role."""
    licensed = licensed_server(start_for_module, floating=1, web=2, sample=True)
    for role in ("viewer", "operator", "admin"):
        licensed.server.admin.users.add(f"the {role}", role, PASSWORD)
    return licensed


@pytest.fixture
def as_role(shop: Licensed) -> Iterator[AsRole]:
    opened: list[Server] = []

    def go(role: str) -> Server:
        opened.append(shop.server.connect(f"the {role}", PASSWORD))
        return opened[-1]

    yield go
    for server in opened:
        server.close()


def ana(server: Server, client: str = "native") -> Project:
    return server.project("sample", "ana", PROJECT_PASSWORD, client=client)  # type: ignore[arg-type]


def question(box: w.VBox) -> str:
    (asked,) = box.children
    return str(asked.question)


def states() -> str:
    """The state of every widget there is, as a notebook saves it."""
    found = json.dumps([one.get_state() for one in _instances.values()], default=str)
    assert "Paste it whole, or load its file." in found, "the form is among them"
    return found


@pytest.mark.spec("3: mistyped serials are told apart from forged ones")
def test_a_serial_is_described_then_entered_and_is_no_state_of_a_widget(shop: Licensed) -> None:
    changed: list[str] = []
    panel = LicensesPanel(shop.server.admin, Trouble(), lambda: changed.append("told"))
    assert panel.server_id.text == shop.server.admin.info().server_id
    assert "signature counts" not in panel.keys.value
    serial = shop.issue("floating", 3)
    panel.add()
    assert panel.form is not None
    panel.form.check.click()
    assert "Serial: is empty" in panel.form.trouble.line.value
    panel.form.input.fields.put("serial", mistyped(serial))
    panel.form.check.click()
    assert "mistyped" in panel.form.trouble.line.value
    panel.form.input.fields.put("serial", shop.forged())
    panel.form.check.click()
    assert "none of the keys this server accepts signed it" in panel.form.trouble.line.value
    assert panel.form.asking.children == ()
    panel.form.input.fields.put("serial", shop.issue("dedicated"))
    panel.form.check.click()
    assert "kept on its person&#x27;s computer" in panel.form.trouble.line.value

    panel.form.input.fields.put("serial", f" {serial.lower().replace('-', ' ')}\n")
    panel.form.check.click()
    assert "3 floating, without maintenance.\nEnter it?" in answer(panel.form.asking, False)
    assert "3 floating" not in panel.list.value
    panel.form.check.click()
    assert serial[:20] not in states()
    assert serial[:20].lower() not in states()
    form = panel.form
    answer(form.asking, True)
    assert "Entered: license" in panel.said.value
    assert "3 floating" in panel.list.value
    assert changed == ["told"]
    assert panel.form is None
    assert form.input.fields.values["serial"] == "", "it is forgotten as soon as it was used"
    assert panel.code.code.endswith('server.licenses.add(getpass("Serial: "))')
    license_id = shop.server.admin.licenses.list().licenses[-1].license_id
    shop.server.admin.licenses.delete(license_id)


def test_a_file_comes_as_a_message_and_is_looked_at_at_once(shop: Licensed) -> None:
    panel = LicensesPanel(shop.server.admin, Trouble())
    panel.add()
    assert panel.form is not None
    serial = shop.issue("web", 4)
    sent: list[object] = []
    panel.form.input.fields.send = sent.append
    panel.form.input.fields.put("serial", "something else")
    panel.form.input.file._handle_custom_msg({"name": "web.txt", "text": f"{serial}\n"}, [])
    assert "4 web, without maintenance" in question(panel.form.asking)
    assert sent == [{"clear": "serial"}], "the page does not go on showing what was typed before"
    assert serial[:20] not in states()
    assert "file" not in panel.form.input.file.get_state()
    panel.form.cancel.click()
    assert panel.form_box.children == ()
    assert len(shop.server.admin.licenses.list().licenses) == 2


def test_a_serial_is_replaced_and_one_deleted_with_what_it_does_to_people(shop: Licensed) -> None:
    admin = shop.server.admin
    admin.licenses.add(shop.issue("floating", 2))
    panel = LicensesPanel(admin, Trouble())
    panel.chosen.value = panel.chosen.options[-1][1]
    panel.edit()
    assert panel.form is not None
    panel.form.input.fields.put("serial", shop.issue("floating", 7))
    panel.form.check.click()
    assert re.search(
        r"This is license .*7 floating.*\nPut it in the place of .*2 floating", question(panel.form.asking)
    )
    answer(panel.form.asking, True)
    assert "7 floating" in panel.list.value
    assert "Entered in the place of license" in panel.said.value

    with ana(admin):
        panel.chosen.value = panel.chosen.options[-1][1]
        panel.delete()
        words = answer(panel.asking, False)
        assert "1 person holds such a seat now and keeps it until the log-out." in words
        assert "7 floating" in panel.list.value
    panel.delete()
    assert "Nobody holds such a seat now." in answer(panel.asking, True)
    assert "7 floating" not in panel.list.value
    assert re.search(r"server\.licenses\.delete\(\d+\)$", panel.code.code)


def test_without_licenses_and_keys_the_panel_says_what_to_do(start: Start) -> None:
    admin = start().admin
    panel = LicensesPanel(admin, Trouble())
    assert "5 floating, 5 web, 1 solosubmit" in panel.list.value
    assert "trackkit server set license-keys KEY" in panel.keys.value
    panel.delete()
    assert "Delete the evaluation license, 5 floating" in answer(panel.asking, True)
    assert "There are no licenses" in panel.list.value
    assert panel.buttons["Delete"].disabled
    assert panel.buttons["Replace"].disabled
    assert not panel.buttons["Add a license"].disabled


def controls(widget: Widget) -> set[str]:
    """The words of all buttons below."""
    below = [controls(child) for child in getattr(widget, "children", ())]
    own = {widget.description} if isinstance(widget, w.Button) else set()
    return own.union(*below)


def test_who_may_do_less_sees_the_same_without_the_buttons(as_role: AsRole) -> None:
    changing = {"Add a license", "Replace", "Delete"}
    for role, shown, missing in (
        ("viewer", set(), changing | {"End session"}),
        ("operator", {"End session"}, changing),
        ("admin", changing | {"End session"}, set()),
    ):
        found = controls(licenses_page(as_role(role)))
        assert shown <= found
        assert not missing & found
        assert "Play again" in found


@pytest.mark.spec("3: an operator can end a session to free its seat")
def test_a_seat_is_seen_and_freed(shop: Licensed, as_role: AsRole) -> None:
    panel = SeatsPanel(as_role("operator"), Trouble())
    assert "Nobody holds a seat." in panel.list.value
    assert "0 of 1 floating seat taken" in panel.pools.value
    held = ana(shop.server.admin)
    panel.buttons["Refresh"].click()
    assert "ana" in panel.list.value
    assert "1 of 1 floating seat taken – all of them" in panel.pools.value
    assert 'aria-valuenow="1"' in panel.pools.value
    panel.buttons["End session"].click()
    assert "End the session of ana in sample (native), since" in answer(panel.asking, False)
    assert held.session().username == "ana"
    panel.buttons["End session"].click()
    answer(panel.asking, True)
    with pytest.raises(NotLoggedIn):
        held.session()
    assert "0 of 1 floating seat taken" in panel.pools.value
    assert "the seat is free" in panel.said.value
    assert "server.sessions.end('" in panel.code.code
    held.close()


def test_seats_over_time_and_refusals(shop: Licensed, as_role: AsRole) -> None:
    trouble = Trouble()
    with ana(shop.server.admin):
        form = ProjectLogIn(as_role("viewer"), Trouble(), lambda _: None)
        assert form.fields is not None
        form.fields.values = {"database": "sample", "username": "ana", "password": PROJECT_PASSWORD}
        form.button.click()
    panel = UsagePanel(as_role("viewer"), trouble)
    assert "ana" in panel.list.value
    assert "native" in panel.list.value
    panel.chart.button.click()
    words = re.findall(r'alt="([^"]*)"', panel.chart.picture.value)
    assert [one.split(",")[0] for one in words] == ["Floating seats in use"]
    assert "at most 1 at once" in words[0]
    assert "Refused 1 time;" in words[0]
    panel.period.value = 1
    assert "usage_frame(since=since, by='hour')" in panel.code.code
    assert re.findall(r'alt="([^"]*)"', panel.chart.picture.value) != []
    assert trouble.line.value == ""


def test_the_history_is_played_again(shop: Licensed, as_role: AsRole) -> None:
    ana(shop.server.admin).close()
    panel = ReplayPanel(as_role("viewer"), Trouble())
    assert (panel.fields.values["seats"], panel.fields.values["timeout_minutes"]) == ("1", "60")
    panel.fields.put("pool", "web")
    assert (panel.fields.values["seats"], panel.fields.values["timeout_minutes"]) == ("2", "30")
    panel.button.click()
    assert "nobody wanted such a seat" in panel.result.value
    panel.fields.put("pool", "floating")
    panel.fields.put("seats", "0")
    panel.refresh()
    assert panel.fields.values["seats"] == "0", "what was typed stays"
    panel.button.click()
    assert "With 0 floating seats and a time-out of 60 minutes" in panel.result.value
    assert "ana in sample" in panel.result.value
    assert "would have been enough" in panel.result.value
    assert panel.code.code.endswith("server.licenses.replay('floating', seats=0, timeout_minutes=60)")
    panel.fields.put("since", "2026-01-31T14:00")
    panel.button.click()
    assert "datetime.fromisoformat('2026-01-31T14:00:00+00:00')" in panel.code.code
    compile(panel.code.code, "code", "exec")
    for name, typed, said in (
        ("seats", "many", "no whole number"),
        ("since", "yesterday", "is no time"),
        ("timeout_minutes", "3", "5 is the least"),
    ):
        before = panel.fields.values[name]
        panel.fields.put(name, typed)
        panel.button.click()
        assert said in panel.fields.messages[name]
        assert said in panel.trouble.line.value
        assert panel.result.value == ""
        panel.fields.put(name, before)


@pytest.mark.spec("3: when no seat is free the refusal says how many there are, who holds them and since when")
def test_a_refused_log_in_shows_who_holds_the_seats(shop: Licensed, as_role: AsRole) -> None:
    opened: list[Project] = []
    trouble = Trouble()
    form = ProjectLogIn(as_role("viewer"), trouble, opened.append)
    assert form.fields is not None
    form.fields.values = {"database": "sample", "username": "ben", "password": PROJECT_PASSWORD}
    with ana(shop.server.admin):
        form.button.click()
        assert "no seat is free" in trouble.line.value
        assert "Who holds the floating seats" in form.holders.value
        assert "ana" in form.holders.value
        assert opened == []
    form.button.click()
    assert form.holders.value == ""
    (project,) = opened
    (seat,) = shop.server.admin.licenses.seats().seats
    assert (seat.client, seat.pool) == ("native", "floating")
    project.close()


@pytest.mark.spec("3: dedicated: asked for once, remembered on that computer, presented at log-in; on several servers")
def test_a_dedicated_license_is_asked_for_once_and_presented(shop: Licensed, as_role: AsRole) -> None:
    serial = shop.issue("dedicated")
    opened: list[Project] = []
    form = ProjectLogIn(as_role("viewer"), Trouble(), opened.append)
    mine = form.dedicated
    assert "floating seats" in mine.words.value
    mine.have.click()
    mine.input.fields.put("serial", mistyped(serial))
    mine.remember_it.click()
    assert "mistyped" in mine.trouble.line.value
    assert dedicated.recall() is None
    mine.input.fields.put("serial", serial)
    assert serial[:20] not in states()
    mine.remember_it.click()
    assert "is remembered on this computer" in mine.words.value
    assert mine.input.fields.values["serial"] == ""
    assert form.fields is not None
    form.fields.values = {"database": "sample", "username": "ana", "password": PROJECT_PASSWORD}
    with ana(shop.server.admin, "web"):
        form.button.click()
    (seat,) = shop.server.admin.licenses.seats().seats
    assert (seat.pool, seat.username) == ("dedicated", "ana")
    opened[0].close()
    mine.forget_it.click()
    assert "its serial is needed" in answer(mine.asking, False)
    assert dedicated.recall() is not None
    mine.forget_it.click()
    answer(mine.asking, True)
    assert dedicated.recall() is None
    assert "floating seats" in mine.words.value


def test_what_stands_in_the_way_of_a_remembered_license_is_said(
    shop: Licensed, monkeypatch: pytest.MonkeyPatch
) -> None:
    dedicated.remember(SecretStr(shop.issue("dedicated")))
    dedicated.path().chmod(0o644)
    panel = DedicatedLicense(Trouble())
    assert IN_THE_WAY in panel.words.value
    assert "chmod 600" in panel.trouble.line.value
    panel.forget_it.click()
    answer(panel.asking, True)
    assert not dedicated.path().exists()
    monkeypatch.setenv("TRACKKIT_SERIAL", "whatever")
    assert GIVEN in DedicatedLicense(Trouble()).words.value


TODAY = date(2026, 11, 25)


def license(until: date | None, **changes: object) -> License:
    values: dict[str, object] = {
        "license_id": 1,
        "number": "AAAA-BBBB-CCCC-DDDD",
        "evaluation": False,
        "seats": {"floating": 5},
        "issued_on": date(2026, 1, 1),
        "maintenance_until": until,
        "problem": "",
        "added_at": datetime(2026, 1, 1, tzinfo=UTC),
        "added_by": "admin",
    }
    return License.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("days", "words", "warned"),
    [
        (31, "31 days left", False),
        (30, "30 days left", True),
        (1, "1 day left", True),
        (0, "the last day", True),
        (-1, "ended 1 day ago", True),
    ],
)
def test_what_ends_when(days: int, words: str, warned: bool) -> None:
    one = license(TODAY + timedelta(days=days))
    shown = licenses_table([one], TODAY)
    assert words in shown
    assert ("tk-warn" in shown) == warned
    assert (words in expiry_warning([one], TODAY)) == warned


def test_a_license_that_gives_nothing_says_why() -> None:
    shown = licenses_table([license(None, seats={}, problem="None of the keys <b>signed it.")], TODAY)
    assert "None of the keys &lt;b&gt;signed it." in shown
    assert "tk-bad" in shown
    assert "without" in shown


def test_pools_as_words_and_bars() -> None:
    def bar(pool: str, seats: int, in_use: int) -> str:
        return pool_bars([PoolUse(pool=pool, seats=seats, in_use=in_use, idle_minutes=30)])

    assert "2 of 4 web seats taken" in bar("web", 4, 2)
    assert "width: 50.0%" in bar("web", 4, 2)
    assert "no license for such clients" in bar("floating", 0, 0)
    assert "width: 100.0%" in bar("floating", 1, 3), "a license was deleted while its seats were taken"
    assert "3 dedicated licenses in use" in bar("dedicated", 3, 3)
    assert bar("dedicated", 0, 0) == ""


def test_names_in_refusals_are_harmless() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    use = SeatUse(
        use_id=1,
        pool="web",
        license_number="",
        database="<script>",
        username="<img src=x>",
        client="web",
        client_address="192.0.2.1",
        taken_at=at,
        used_at=at,
        ended_at=at,
        ending="refused",
    )
    assert "<script>" not in refusals_table([use])
    assert "<img" not in refusals_table([use])
    assert "Nobody was refused" in refusals_table([])

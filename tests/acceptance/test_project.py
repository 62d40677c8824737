"""The project side, as people and scripts use it: log-in, records and everything beside them, files, CSV, frames."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tests.acceptance.conftest import PASSWORD, House
from trackkit.client.project import Project
from trackkit.domain.errors import Conflict, ImportRefused, InvalidInput, NotAllowed, NotFound, NotLoggedIn, WrongLogin
from trackkit.domain.project.commands import COMMANDS
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS

VALUES: dict[str, dict[str, object]] = {
    "group": {"name": "Readers", "commands": ["defect.view"]},
    "user": {"name": "Grace", "email": "grace@example.invalid", "groups": ["Readers"], "password": "grace's password"},
    "customer": {"name": "ACME", "company": "ACME Ltd.", "phone": "+1 555"},
    "test_configuration": {"name": "Linux", "platform": "Debian"},
    "filter": {"name": "Urgent", "record_kind": "defect", "conditions": ["priority=urgent"]},
    "template": {"name": "Hello", "subject": "Hi", "body": "Dear …"},
    "rule": {"name": "Late", "event": "overdue", "recipients": ["owner", "Readers"], "template": "Hello"},
    "report": {"name": "All", "record_kind": "defect", "filter": "Urgent", "columns": ["title"]},
    "requirement_document": {"title": "What it has to do", "version": "1"},
    "requirement": {"title": "It starts", "document": "1", "priority": "high"},
    "test_case": {"title": "Start it", "requirement": "1", "steps": "Press the button"},
    "test_run": {"title": "Started it", "test_case": "1", "configuration": "Linux", "status": "passed"},
    "defect": {"title": "It stops", "customer": "ACME", "owner": "Grace", "due_on": "2026-12-24"},
    "workbook_task": {"title": "Ask ACME", "owner": "Grace", "record": "defect 1"},
}
"""Of everything that is worked on as an item; e-mails are not."""


@pytest.fixture(scope="module")
def project(house: House) -> Project:
    """A project with one of everything, made through the client; its administrator may everything."""
    project = house.project(house.make("whole"))
    project.edit("group", "Administrators", {"commands": list(COMMANDS)})
    for kind, values in VALUES.items():
        project.add(kind, **values)
    return project


@pytest.mark.spec("9: project log-in")
def test_a_project_user_logs_in_and_nobody_else(house: House) -> None:
    name = house.make("log in")
    with house.project(name, "ADMINISTRATOR") as project:
        session = project.session()
        assert (session.username, session.database) == ("administrator", name)
    with pytest.raises(NotLoggedIn):
        project.session()
    for username, password in (("administrator", "wrong password"), ("nobody", PASSWORD), ("admin", PASSWORD)):
        with pytest.raises(WrongLogin):
            house.project(name, username, password)
    with pytest.raises((WrongLogin, NotFound)):
        house.project("no such database")
    tried = house.admin.log.list(level="unusual_activity", match="only", database=name).entries
    assert len(tried) >= 3
    assert "wrong password" not in repr(tried)
    with house.project(name) as project:
        project.password("another password", PASSWORD)
    house.project(name, password="another password").close()
    with pytest.raises(WrongLogin):
        house.project(name)


@pytest.mark.spec("9: what a project user may follows from the security groups")
@pytest.mark.parametrize("kind", list(VALUES))
def test_each_verb_needs_its_command(project: Project, house: House, kind: Kind) -> None:
    database, user = project.session().database, f"only {kind}"
    project.add("group", name=user, commands=[f"{kind}.view"])
    project.add("user", name=user, groups=[user], password="a fine password")
    with house.project(database, user, "a fine password") as limited:
        (item, *_) = limited.list(kind).items
        for verb in (
            lambda: limited.add(kind, **VALUES[kind]),
            lambda: limited.edit(kind, item.key, {}),
            lambda: limited.delete(kind, item.key),
            lambda: limited.import_rows(kind, ["title"], [["x"]]),
        ):
            with pytest.raises(NotAllowed, match=kind):
                verb()
        other = next(other for other in VALUES if other != kind)
        for ask in (limited.list, lambda other: limited.show(other, "1")):
            with pytest.raises(NotAllowed):
                ask(other)
        project.edit("user", user, {"active": False})
        with pytest.raises(NotLoggedIn):
            limited.list(kind)
    project.delete("user", user)
    project.delete("group", user)


@pytest.mark.spec("9: records of the five types with numbers")
@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_records_are_numbered_listed_changed_and_deleted(project: Project, kind: Kind) -> None:
    first = project.list(kind).items[-1].number
    items = [
        project.add(kind, title=f"Number {number}", priority="urgent")
        if "priority" in KINDS[kind].fields
        else project.add(kind, title=f"Number {number}")
        for number in range(3)
    ]
    assert [item.number for item in items] == [first + 1, first + 2, first + 3]
    changed = project.edit(kind, items[0].key, {"title": "Changed"}, revision=items[0].revision)
    assert (changed.values["title"], changed.revision) == ("Changed", items[0].revision + 1)
    with pytest.raises(Conflict, match=r"(?i)meanwhile"):
        project.edit(kind, items[0].key, {"title": "Too late"}, revision=items[0].revision)
    found = project.list(kind, ["title~number", f"number>{first}"], sort="title", descending=True)
    assert [item.values["title"] for item in found.items] == ["Number 2", "Number 1"]
    assert found.total == 2
    for item in items:
        project.delete(kind, item.key)
    with pytest.raises(NotFound):
        project.show(kind, items[0].key)
    assert project.add(kind, title="Numbers are never given twice").number == first + 4
    project.delete(kind, str(first + 4))
    for wrong in ({}, {"title": ""}, {"title": "x", "status": "purple"}, {"title": "x", "colour": 1}, {"title": 7}):
        with pytest.raises(InvalidInput):
            project.add(kind, **wrong)


@pytest.mark.spec("9: customers, groups, filters, test configurations, workbook tasks, users")
@pytest.mark.spec("2: report definitions, e-mail templates, notification rules, tracked e-mail")
@pytest.mark.parametrize("kind", [kind for kind in VALUES if kind not in RECORD_KINDS])
def test_everything_else_is_added_changed_and_deleted(project: Project, kind: Kind) -> None:
    info = KINDS[kind]
    subject = info.subject
    values = {**VALUES[kind], subject: "Another one"} | ({} if kind != "user" else {"groups": []})
    made = project.add(kind, **values)
    plain = {name: value for name, value in values.items() if name != "password"}
    assert {name: made.values[name] for name in plain} == plain
    assert "password" not in made.values
    assert made.set_secrets == (("password",) if kind == "user" else ())
    changed = project.edit(kind, made.key, {subject: "Renamed"})
    assert changed.values == {**made.values, subject: "Renamed"}
    assert project.show(kind, changed.key).changed_by == "administrator"
    assert "Renamed" in {item.values[subject] for item in project.list(kind).items}
    if info.named:
        with pytest.raises(Conflict):
            project.add(kind, **{**values, subject: "RENAMED"})
    project.delete(kind, changed.key)
    with pytest.raises(NotFound):
        project.delete(kind, changed.key)


@pytest.mark.spec("9: customers, groups, filters, test configurations, workbook tasks, users")
def test_a_saved_filter_selects(project: Project) -> None:
    urgent = project.add("defect", title="Now!", priority="urgent")
    assert [item.key for item in project.list("defect", filter="Urgent").items] == [urgent.key]
    with pytest.raises(NotFound):
        project.list("defect", filter="No such filter")
    with pytest.raises(InvalidInput):
        project.add("filter", name="Nonsense", record_kind="defect", conditions=["colour=red"])
    project.delete("defect", urgent.key)


@pytest.mark.spec("9: attached files")
def test_files_come_back_as_they_went(project: Project) -> None:
    content = bytes(range(256)) * 100
    added = project.attach("defect", "1", "screen shot.png", content)
    assert project.file(added.file_id).content == content
    assert [file.name for file in project.files("defect", "1").files] == ["screen shot.png"]
    assert project.show("defect", "1").files == 1
    for wrong in ("../../etc/passwd", "a/b", "", "a\\b", "line\nbreak"):
        with pytest.raises(InvalidInput):
            project.attach("defect", "1", wrong, content)
    project.detach(added.file_id)
    assert project.files("defect", "1").files == ()
    with pytest.raises(NotFound):
        project.file(added.file_id)


@pytest.mark.spec("9: import and export as CSV")
def test_what_is_exported_as_csv_can_be_imported(project: Project, house: House) -> None:
    project.add("customer", name="=1+1", notes='with "quotes", commas\nand a line break', company="@SUM(A1)")
    exported = project.export_csv("customer")
    assert b"\n=1+1" not in exported  # a spreadsheet must not run it
    with house.project(house.make("imported")) as other:
        job = other.import_csv("customer", exported).wait()
        assert job.result["rows"] == 2
        assert [i.values for i in other.list("customer").items] == [i.values for i in project.list("customer").items]
        changed = exported.replace(b"ACME Ltd.", b"ACME plc")
        with pytest.raises(ImportRefused):
            other.import_csv("customer", changed).wait()
        other.import_csv("customer", changed, change=True).wait()
        assert other.show("customer", "ACME").values["company"] == "ACME plc"
    project.delete("customer", "=1+1")


@pytest.mark.spec("9: import and export as CSV")
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("title,due_on\nFine,2026-12-24\nLate,24.12.2026\n", ["2.due_on"]),
        ("title,status,owner\n,new,\nx,purple,Nobody\n", ["1.title", "2.status", "2.owner"]),
        ("title,status\nfine,new\nalso fine,=cmd\n", ["2.status"]),
    ],
)
def test_an_import_is_all_or_nothing_and_names_each_faulty_cell(project: Project, text: str, places: list[str]) -> None:
    before = project.list("defect").total
    with pytest.raises(ImportRefused) as caught:
        project.import_csv("defect", text.encode()).wait()
    assert [problem.field for problem in caught.value.problems] == places
    assert project.list("defect").total == before


@pytest.mark.spec("9: import and export as CSV")
@pytest.mark.parametrize(
    "raw",
    [
        b"title,colour\nx,red\n",
        b"title,title\nx,y\n",
        b"description\nno title\n",
        "title\nGrüße\n".encode("latin-1"),
        "title\nx\n".encode("utf-16"),
        b"title,status\nonly one cell\nx,new,too many\n",
        b"",
        b"title\nwith \x00 in it\n",
        b"password,name\nsecret12345,x\n",
    ],
)
def test_a_file_that_makes_no_sense_is_refused_whole(project: Project, raw: bytes) -> None:
    before = project.list("defect").total
    with pytest.raises(InvalidInput) as caught:
        project.import_csv("defect", raw).wait()
    assert caught.value.message
    assert project.list("defect").total == before


@pytest.mark.spec("9: import and export as DataFrame")
def test_a_frame_goes_in_and_comes_out(project: Project) -> None:
    frame = pd.DataFrame(
        {
            "title": ["From a frame", "Another"],
            "due_on": pd.to_datetime(["2026-12-24", None]),
            "priority": ["high", "low"],
            "owner": ["Grace", None],
        }
    )
    project.import_frame("defect", frame).wait()
    out = project.frame("defect", ["title~frame"])
    assert out.loc[0, "title"] == "From a frame"
    assert out.loc[0, "due_on"] == pd.Timestamp("2026-12-24")
    assert out["priority"].dtype == "category"
    back = project.frame("defect").drop(columns=["server", "database"], errors="ignore")
    assert len(back) == project.list("defect").total
    for item in project.list("defect", ["number>1"]).items:
        project.delete("defect", item.key)


@pytest.mark.spec("9: log-in lists for web and other clients, inactive databases")
def test_the_lists_of_databases_and_inactive_ones(house: House) -> None:
    both, web, other = (
        house.make("both"),
        house.make("web", in_other_list=False),
        house.make("other", in_web_list=False),
    )
    off = house.make("off", active=False)
    lists = {kind: {one.name for one in house.admin.offered(kind).databases} for kind in ("web", "api", "native")}
    assert both in lists["web"] & lists["api"] & lists["native"]
    assert web in lists["web"] - lists["api"] - lists["native"]
    assert other in (lists["api"] & lists["native"]) - lists["web"]
    assert off not in lists["web"] | lists["api"]
    house.admin.project(web, "administrator", PASSWORD, client="api").close()  # its name has to be given
    with pytest.raises(WrongLogin):
        house.admin.project(off, "administrator", PASSWORD)
    project = house.admin.project(both, "administrator", PASSWORD)
    house.admin.databases.edit(both, {"active": False})
    with pytest.raises(NotLoggedIn):
        project.session()


@pytest.mark.spec("3: seats are leases: the idle time-out gives one back")
@pytest.mark.spec("9: idle sessions are ended and logged")
@pytest.mark.parametrize(("client", "option"), [("web", "web_idle_minutes"), ("api", "api_idle_minutes")])
def test_idle_sessions_end(house: House, client: str, option: str) -> None:
    name = house.make("idle")
    minutes = house.admin.options.get().value(f"server.{option}")
    project = house.admin.project(name, "administrator", PASSWORD, client=client)
    past = int(timedelta(minutes=minutes + 1) / timedelta(microseconds=1))
    house.sql(f"UPDATE project_sessions SET last_used_at = last_used_at - {past}")
    with pytest.raises(NotLoggedIn):
        project.session()
    assert house.admin.log.list(text="timed out; its seat is free again", database=name).total == 1
    assert not [seat for seat in house.admin.licenses.seats().seats if seat.database == name]
    use = house.admin.licenses.history(limit=1).uses[0]
    assert (use.database, use.ending) == (name, "idle")

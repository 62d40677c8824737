"""The sample database: made once, at the very first start, with nothing real in it; on both databases."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from tests.store.conftest import AsUser
from trackkit.contract.databases import NamedDatabase, RemoveDatabase
from trackkit.contract.mail import ListQueue
from trackkit.contract.operation import Nothing
from trackkit.contract.project import OpenProject
from trackkit.contract.tracking import NamedProject
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.services import databases, mail_listing, project_login, sample, tracking_check
from trackkit.services.environment import Environment
from trackkit.store import project_emails, project_items


@pytest.mark.spec("2: the sample database, its mails held and addressed to .invalid")
def test_a_fresh_server_gets_a_believable_project(environment: Environment, admin: AsUser) -> None:
    sample.make_once(environment, wanted=True)
    info = databases.show_database(admin(), NamedDatabase(database=sample.NAME))
    assert info.records == {
        "defect": 9,
        "requirement": 5,
        "requirement_document": 2,
        "test_case": 4,
        "test_run": 5,
    }
    assert (info.users, info.available, info.settings["sending"]) == (6, True, False)
    project = environment.projects.open("Sample")
    for kind in KINDS.values():
        assert project.read(partial(project_items.count, info=kind)), kind
    steps = tracking_check.check(admin(), NamedProject(database=sample.NAME)).steps
    assert [step.number for step in steps if step.done] == [5, 7, 8]  # its templates, rules and groups are whole
    mails = project.read(lambda connection: project_items.page(connection, KINDS[Kind.tracked_email]))
    assert {mail.values["record"] for mail in mails} == {"defect 4", "defect 7"}
    for mail in mails:
        raw = project.read(partial(project_emails.raw, number=mail.number))
        assert raw
        assert mail.values["subject"].encode() in raw


@pytest.mark.spec("2: the sample database, its mails held and addressed to .invalid")
def test_its_mails_are_held_and_go_nowhere(environment: Environment, admin: AsUser) -> None:
    sample.make_once(environment, wanted=True)
    messages = mail_listing.list_queue(admin(), ListQueue()).messages
    assert len(messages) == 3
    assert {message.state for message in messages} == {"held"}
    assert all(domain.endswith(".invalid") for message in messages for domain in message.domains)


def test_it_can_be_logged_in_to_as_its_description_says(environment: Environment, admin: AsUser) -> None:
    sample.make_once(environment, wanted=True)
    assert repr(sample.PASSWORD) in sample.DESCRIPTION
    for username in ("administrator", "emil"):
        request = OpenProject(database="sample", username=username, password=sample.PASSWORD, client="api")
        assert project_login.open_project(admin(), request).username == username


@pytest.mark.parametrize("wanted", [True, False])
def test_it_is_decided_once(environment: Environment, admin: AsUser, wanted: bool) -> None:
    sample.make_once(environment, wanted=wanted)
    if wanted:
        databases.remove_database(admin(), RemoveDatabase(database="sample"))
    sample.make_once(environment, wanted=True)
    assert databases.list_databases(admin(), Nothing()).databases == ()
    assert (environment.places.databases / "sample").is_dir() == wanted


def test_what_keeps_it_from_being_made_keeps_no_server_from_starting(environment: Environment, admin: AsUser) -> None:
    taken = environment.places.databases / "SAMPLE"
    taken.mkdir()
    (taken / "note").write_text("mine")
    sample.make_once(environment, wanted=True)
    assert databases.list_databases(admin(), Nothing()).databases == ()
    assert (taken / "note").read_text() == "mine"
    shutil.rmtree(taken)

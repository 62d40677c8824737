"""The e-mail settings of projects: what is stored, sealed, inherited and refused; on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.store.conftest import AsUser
from trackkit.contract.audit import ListAudit
from trackkit.contract.databases import CreateDatabase
from trackkit.contract.tracking import NamedProject, SetProjectMail
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.services import audit, databases
from trackkit.services import project_mail_settings as settings
from trackkit.services.environment import Environment

SERVER = {
    "tracking.enabled": True,
    "tracking.host": "pop.example.org",
    "tracking.username": "track",
    "tracking.password": "of the server",
    "tracking.address": "track@example.org",
}


@pytest.fixture
def shop(environment: Environment, admin: AsUser) -> str:
    admin.set(SERVER)
    return databases.create_database(admin(), CreateDatabase(name="shop")).name


def put(admin: AsUser, revision: int | None = None, **values: object) -> int:
    named = {name.replace("__", "."): value for name, value in values.items()}
    request = SetProjectMail.model_validate({"database": "shop", "values": named, "revision": revision})
    return settings.change_settings(admin(), request).revision


def test_what_a_project_does_not_set_is_the_servers(environment: Environment, admin: AsUser, shop: str) -> None:
    row = environment.projects.row(shop)
    assert settings.mailbox_of_project(environment, row) is None  # the project does not track
    put(admin, tracking=True)
    assert (inherited := settings.mailbox_of_project(environment, row))
    assert inherited.key == "track@pop.example.org:110"
    put(admin, mailbox__username="shop", mailbox__password="of the shop", mailbox__subaddressing=True)
    own = settings.mailbox_of_project(environment, row)
    assert own
    assert own.key == "shop@pop.example.org:110"
    assert own.subaddressing
    assert own.password.get_secret_value() == "of the shop"
    assert [(found.name, box.key) for found, _, box in settings.tracked_projects(environment)] == [(shop, own.key)]
    admin.set({"tracking.enabled": False})
    assert settings.mailbox_of_project(environment, row) is None
    assert settings.tracked_projects(environment) == []


def test_passwords_are_sealed_and_shown_nowhere(environment: Environment, admin: AsUser, shop: str) -> None:
    put(admin, mailbox__username="shop", mailbox__password="of the shop")
    put(admin, mailbox__password="another one")
    shown = settings.settings(admin(), NamedProject(database=shop))
    assert shown.set_secrets == ("mailbox.password",)
    assert shown.values["mailbox.username"] == "shop"
    assert shown.inherited["mailbox.host"] == "pop.example.org"
    assert shown.inherited["mailbox.username"] == "track"
    stored = environment.store.read(
        lambda c: c.execute(text('SELECT "values", sealed_password FROM project_mail')).one()
    )
    records = audit.list_audit(admin(), ListAudit()).records
    assert records[0].after == {"mailbox.password": "changed"}
    for where in (
        shown.model_dump_json(),
        repr(stored),
        repr(records),
        repr(settings.settings_of(environment, environment.projects.row(shop))),
    ):
        assert "of the " not in where
        assert "another one" not in where


def test_the_second_of_two_administrators_is_told(environment: Environment, admin: AsUser, shop: str) -> None:
    assert put(admin, revision=0, letter=True) == 1
    with pytest.raises(Conflict, match="changed by somebody else"):
        put(admin, revision=0, letter=False)
    assert put(admin, revision=1, letter=True) == 1  # nothing was changed


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"mailbox__host": "elsewhere.test"}, "mailbox.password"),
        ({"notification_address": "Track@Example.org"}, "notification_address"),
        ({"notification_address": "nobody"}, "notification_address"),
        ({"letter_hours": 0}, "letter_hours"),
        ({"mailbox__port": "many"}, "mailbox.port"),
        ({"sending": True}, "sending"),
    ],
)
def test_bad_values_are_named(admin: AsUser, shop: str, values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        put(admin, **values)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_detail_of_the_tracking_address_is_the_tracking_address(
    environment: Environment, admin: AsUser, shop: str
) -> None:
    put(admin, tracking=True)
    box = settings.mailbox_of_project(environment, environment.projects.row(shop))
    assert box is not None
    own = {
        address: box.is_own(address)
        for address in ("TRACK@example.org", "track+x@example.org", "tracks@example.org", "")
    }
    assert list(own.values()) == [True, True, False, False]

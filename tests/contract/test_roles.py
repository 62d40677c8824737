"""Every operation as everybody: allowed or refused as the catalogue declares it."""

from __future__ import annotations

import pytest

from tests.conftest import Start
from tests.contract.samples import (
    ANYBODY_OF_THE_PROJECT,
    FAILING,
    GUEST,
    PASSWORD,
    PEOPLE,
    SAMPLES,
    House,
    Person,
    furnish,
    project_token,
)
from tests.contract.wire import stranger
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import Operation
from trackkit.contract.wire import STATUS
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict, NotAllowed, NotFound, NotLoggedIn, TrackkitError


@pytest.fixture(scope="module")
def house(start_for_module: Start) -> House:
    return furnish(start_for_module(options={"sending.paused": True}, seats=1000))


def test_every_operation_has_a_sample() -> None:
    assert set(SAMPLES) == set(OPERATIONS)


@pytest.mark.spec("0: all can do exactly what their role allows")
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", OPERATIONS)
def test_allowed_or_refused_as_declared(house: House, name: str, who: str) -> None:
    person, operation = house.people[who], OPERATIONS[name]
    token = person.token
    if name == "session.close" and person.role and "session" in who:  # the others still need theirs
        token = house.http.ask("session.open", {"username": person.name, "password": PASSWORD}).body["token"]
    if name == "project.close" and person.of_project:
        token = project_token(house, person.name)
    asked = SAMPLES[name](house, person)
    house.wait_for_jobs()
    refusal = refused_with(operation, person, who)
    if refusal is None:
        answer = house.http.ask(name, asked, token)
        assert answer.code == FAILING.get(name, ""), answer.error
        return
    before = house.server.admin.audit.list(limit=1).records
    answer = house.http.ask(name, asked, token)
    assert (answer.code, answer.status) == (refusal.code, STATUS[refusal])
    assert house.server.admin.audit.list(limit=1).records == before, "a refused operation changed something"


def refused_with(operation: Operation, person: Person, who: str) -> type[TrackkitError] | None:  # type: ignore[type-arg]
    """What the catalogue says that person gets for that operation; none = it is allowed."""
    if operation.realm == "project":
        if not person.of_project:
            return NotLoggedIn
        if operation.name in ("project.job", "project.cancel"):  # one's own import; there is no other, for anybody
            return NotFound if who == GUEST else None
        return NotAllowed if who == GUEST and operation.name not in ANYBODY_OF_THE_PROJECT else None
    if operation.role is None:
        return None
    if person.role is None:
        return NotLoggedIn
    by_token = operation.session_only and "by token" in who
    return None if person.role.covers(operation.role) and not by_token else NotAllowed


@pytest.mark.spec("4: Unusual Activity: refused")
def test_a_refusal_by_role_is_logged_with_who_and_what(house: House) -> None:
    viewer = house.people["viewer by session"]
    assert house.http.ask("options.set", {"values": {}}, viewer.token).code == "not_allowed"
    entry = house.server.admin.log.list(level="unusual_activity", match="only", text="options.set", limit=1).entries[0]
    assert entry.username == viewer.name
    assert entry.client_address == "127.0.0.1"


def test_a_token_can_have_no_higher_role_than_its_maker(house: House) -> None:
    operator = house.people["operator by session"]
    assert house.http.ask("token.add", {"name": "too high", "role": "admin"}, operator.token).code == "not_allowed"
    lower = house.people["viewer by token"]
    assert house.http.ask("token.add", {"name": "too high", "role": "operator"}, lower.token).code == "not_allowed"


def test_nobody_revokes_the_token_of_another(house: House) -> None:
    operator = house.people["operator by session"]
    wanted = {"username": "admin-user", "name": "for scripts"}
    assert house.http.ask("token.delete", wanted, operator.token).code == "not_allowed"
    admin_token = house.people["admin by token"]
    assert house.http.ask("session.current", {}, admin_token.token).code == ""


@pytest.mark.spec("6: A changed password or role, or deletion, ends that user's sessions and revokes the tokens")
@pytest.mark.parametrize("change", ["role", "password", "deletion"])
def test_a_change_ends_sessions_and_tokens(house: House, change: str) -> None:
    name = f"changing-{change}"
    house.server.admin.users.add(name, Role.admin, PASSWORD)
    opened = house.http.ask("session.open", {"username": name, "password": PASSWORD}).body["token"]
    secret = house.http.ask("token.add", {"name": "t", "role": "viewer"}, opened).body["secret"]
    assert house.http.ask("session.current", {}, secret).code == ""
    if change == "role":
        house.server.admin.users.edit(name, role=Role.operator)
    elif change == "password":
        house.server.admin.users.edit(name, password="another long one")
    else:
        house.server.admin.users.delete(name)
    assert house.http.ask("session.current", {}, opened).code == "not_logged_in"
    assert house.http.ask("session.current", {}, secret).code == "not_logged_in"


def test_a_closed_session_is_closed(house: House) -> None:
    token = house.http.ask("session.open", {"username": "viewer-user", "password": PASSWORD}).body["token"]
    assert house.http.ask("session.close", {}, token).code == ""
    assert house.http.ask("session.current", {}, token).code == "not_logged_in"


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YWRtaW46", "Bearer \xff", "bearer tk x"])
def test_nonsense_in_the_authorization_header_is_no_log_in(house: House, header: str) -> None:
    answer = house.http.send("GET", "/api/v1/mail", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status, answer.code) == (401, "not_logged_in")


@pytest.mark.spec("6: the last admin cannot be deleted or demoted")
def test_the_last_admin_stays(start: Start) -> None:
    server = start()
    http = stranger(server)
    server.admin.users.add("only-other", Role.operator, PASSWORD)
    with pytest.raises(Conflict):
        server.admin.users.delete("admin")
    with pytest.raises(Conflict):
        server.admin.users.edit("ADMIN", role=Role.viewer)
    assert http.ask("session.open", {"username": "admin"}).code == "wrong_login"
    assert server.admin.users.list().users[0].role is Role.admin


@pytest.mark.spec("6: An account without a password can log in only on the server machine")
def test_the_account_without_a_password_cannot_log_in_over_the_network(house: House) -> None:
    for asked in (
        {"username": "admin"},
        {"username": "admin", "password": ""},
        {"username": "admin", "password": None},
    ):
        assert house.http.ask("session.open", asked).code == "wrong_login"

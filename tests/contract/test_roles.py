"""Every operation as everybody: allowed or refused as the catalogue declares it."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Start
from tests.contract.wire import Stranger, stranger
from tests.running import RunningServer
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.wire import STATUS
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict, NotAllowed, NotLoggedIn

PASSWORD = "correct horse battery"
REFUSED = {"not_logged_in", "not_allowed"}


@dataclass(frozen=True)
class Person:
    """Somebody who asks."""

    name: str
    role: Role | None
    token: str | None


@dataclass
class House:
    """A server with one user of each role, one mail, and the people who ask."""

    server: RunningServer
    http: Stranger
    queue_id: str
    people: dict[str, Person]
    counter: Iterator[int]


PEOPLE = [
    "nobody",
    *(f"{role} by {how}" for role in Role for how in ("session", "token")),
    "nobody with a made-up token",
]


@pytest.fixture(scope="module")
def house(start_for_module: Start) -> House:
    server = start_for_module(options={"sending.paused": True})
    submitted = server.admin.mail.submit(b"Subject: x\r\n\r\nbody\r\n", sender="", recipients=["x@y.test"])
    people = {"nobody": Person("", None, None), PEOPLE[-1]: Person("", None, "tk-made-up")}
    http = stranger(server)
    for role in Role:
        name = f"{role}-user"
        server.admin.users.add(name, role, PASSWORD)
        opened = http.ask("session.open", {"username": name, "password": PASSWORD}).body["token"]
        secret = http.ask("token.add", {"name": "for scripts", "role": role}, opened).body["secret"]
        people[f"{role} by session"] = Person(name, role, opened)
        people[f"{role} by token"] = Person(name, role, secret)
    return House(server, http, submitted.queue_id, people, itertools.count())


MESSAGE = {
    "message": b64encode(b"Subject: x\r\n\r\n").decode(),
    "sender": "",
    "recipients": ["x@y.test"],
}
Sample = Callable[[House, Person], dict[str, Any]]


def verb(house: House, person: Person) -> dict[str, Any]:
    return {"queue_ids": [house.queue_id]}


def nothing(house: House, person: Person) -> dict[str, Any]:
    return {}


def one_message(house: House, person: Person) -> dict[str, Any]:
    return {"queue_id": house.queue_id}


def somebody(house: House, person: Person) -> dict[str, Any]:
    """A user of their own for each request, because it may be changed or deleted."""
    name = f"target-{next(house.counter)}"
    house.server.admin.users.add(name, Role.viewer)
    return {"username": name}


# A request that would succeed if the role allows it, for every operation there is.
SAMPLES: dict[str, Sample] = {
    "server.info": nothing,
    "server.health": nothing,
    "session.open": lambda house, person: {"username": "viewer-user", "password": PASSWORD},
    "session.current": nothing,
    "session.close": nothing,
    "setup.issue": nothing,
    "setup.complete": lambda house, person: {"code": "wrong-code", "password": PASSWORD},
    "user.list": nothing,
    "user.add": lambda house, person: {"username": f"new-{next(house.counter)}", "role": "viewer"},
    "user.edit": lambda house, person: {**somebody(house, person), "role": "operator"},
    "user.delete": somebody,
    "user.password": lambda house, person: {"present": "not this one", "new": PASSWORD},
    "token.list": nothing,
    "token.add": lambda house, person: {"name": f"token-{next(house.counter)}", "role": "viewer"},
    "token.delete": lambda house, person: {"username": person.name or "x", "name": "no such token"},
    "options.get": nothing,
    "options.set": lambda house, person: {"values": {"sending.timing.days": 5 + next(house.counter) % 2}},
    "mail.submit": lambda house, person: MESSAGE,
    "mail.list": nothing,
    "mail.ids": nothing,
    "mail.summary": nothing,
    "mail.ages": nothing,
    "mail.history": nothing,
    "mail.show": one_message,
    "mail.raw": one_message,
    "mail.reattempt": verb,
    "mail.hold": verb,
    "mail.release": verb,
    "mail.delete": verb,
    "mail.undelete": verb,
    "log.list": nothing,
    "log.histogram": nothing,
    "log.delete": lambda house, person: {"through": "2001-01-01"},
    "audit.list": nothing,
}
# These fail for another reason than the role, as their sample asks for something wrong on purpose.
FAILING = {"setup.complete": "wrong_login", "user.password": "wrong_login", "token.delete": "not_found"}


def test_every_operation_has_a_sample() -> None:
    assert set(SAMPLES) == set(OPERATIONS)


@pytest.mark.spec("0: all can do exactly what their role allows")
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", OPERATIONS)
def test_allowed_or_refused_as_declared(house: House, name: str, who: str) -> None:
    person, operation = house.people[who], OPERATIONS[name]
    needed = operation.role
    token = person.token
    if name == "session.close" and "session" in who:  # the others still need theirs
        token = house.http.ask("session.open", {"username": person.name, "password": PASSWORD}).body["token"]
    asked = SAMPLES[name](house, person)
    before = house.server.admin.audit.list(limit=1).records
    answer = house.http.ask(name, asked, token)
    by_token = operation.session_only and "by token" in who
    if needed is None or (person.role is not None and person.role.covers(needed) and not by_token):
        assert answer.code == FAILING.get(name, ""), answer.error
        return
    expected = NotAllowed if person.role is not None else NotLoggedIn
    assert (answer.code, answer.status) == (expected.code, STATUS[expected])
    assert house.server.admin.audit.list(limit=1).records == before, "a refused operation changed something"


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

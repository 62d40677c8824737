"""Server users, their roles, passwords, tokens and sessions (SPEC §6), as people and scripts use them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

import trackkit
from tests.acceptance.conftest import PASSWORD, House
from tests.conftest import Start
from tests.unit.cli_runs import Ran, run
from trackkit.client import Server
from trackkit.domain.accounts import Role
from trackkit.domain.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    TrackkitError,
    WrongLogin,
)
from trackkit.widgets.problems import Trouble
from trackkit.widgets.users_panel import UsersPanel


def command(house: House, *words: str, code: int = 0, stdin: str = "") -> Ran:
    """A command on the server machine; it must end with that exit code."""
    ran = run("--data", str(house.server.data), *words, stdin=stdin)
    assert ran.code == code, ran.out + ran.err
    return ran


def new_user(house: House, role: str, name: str = "") -> str:
    """A user with `PASSWORD`; the name."""
    return house.admin.users.add(name or house.new_name(role)[-40:].replace("/", " "), role, PASSWORD).username


@contextmanager
def logged_in(house: House, role: str) -> Iterator[Server]:
    """Somebody new with that role, over the network."""
    with house.server.connect(new_user(house, role), PASSWORD) as server:
        yield server


def column(house: House, query: str) -> list[str]:
    """What stands in the server's own tables."""
    if house.server.database_url is None:
        with closing(sqlite3.connect(house.server.data / "trackkit.db", timeout=20)) as connection:
            return [row[0] for row in connection.execute(query)]
    with psycopg.connect(house.server.database_url) as connection:
        return [row[0] for row in connection.execute(query.encode()).fetchall()]


@pytest.mark.spec("6: add, edit, delete (asks first)")
def test_a_user_from_making_to_deletion(house: House) -> None:
    made = command(house, "user", "add", "Grace", "--role", "viewer", "--password", "-", stdin=f"{PASSWORD}\n")
    assert "Added Grace (viewer)." in made.out
    command(house, "user", "edit", "grace", "--role", "operator")
    assert house.admin.users.frame().set_index("username").loc["Grace", "role"] == "operator"
    with pytest.raises(Conflict):
        house.admin.users.add("GRACE", "viewer", PASSWORD)
    refused = command(house, "user", "delete", "grace", code=2)
    assert "sessions end" in refused.err
    assert "Grace" in command(house, "user", "list").out, "without an answer nothing is deleted"
    command(house, "user", "delete", "grace", "--yes")
    assert "Grace" not in command(house, "user", "list").out
    with pytest.raises(NotFound):
        house.admin.users.delete("grace")


@pytest.mark.spec("6: add, edit, delete (asks first)")
@pytest.mark.parametrize(
    ("name", "ok"), [("", False), (" ", False), ("x" * 64, True), ("x" * 65, False), ("a/b", False), ("a\nb", False)]
)
def test_limits_of_a_name(house: House, name: str, ok: bool) -> None:
    if ok:
        assert house.admin.users.add(name, "viewer", PASSWORD).username == name
        house.admin.users.delete(name)
        return
    with pytest.raises(InvalidInput) as caught:
        house.admin.users.add(name, "viewer", PASSWORD)
    assert [problem.field for problem in caught.value.problems] == ["username"]


@pytest.mark.spec("6: a fresh server has admin without a password; names are not case sensitive")
@pytest.mark.spec("6: dashboards never accept a log-in without a password; the first visitor's one-time set-up code")
@pytest.mark.spec("6: every start logs a Warning for an account without a password, and every form shows one")
def test_a_fresh_server_its_set_up_code_and_its_warnings(database_url: str | None, start: Start) -> None:
    fresh = start(database_url=database_url)
    (admin,) = fresh.admin.users.list().users
    assert (admin.username, admin.role, admin.password_set) == ("admin", Role.admin, False)
    with trackkit.local(fresh.data, "ADMIN") as same:
        assert same.username == "admin"
    for password in ("", "admin", "guess guess"):
        with pytest.raises(WrongLogin):
            fresh.connect("Admin", password)
    first, second = fresh.admin.setup_code().code, fresh.admin.setup_code().code
    with trackkit.client.reach(fresh.url, fingerprint=fresh.fingerprint) as visitor:
        assert visitor.info().setup_open
        with pytest.raises(WrongLogin):
            visitor.complete_setup(first, PASSWORD)  # the second one replaced it
        with pytest.raises(InvalidInput):
            visitor.complete_setup(second, "short")
        visitor.complete_setup(second.lower().replace("-", " "), PASSWORD)
        for code in (first, second):
            with pytest.raises(TrackkitError):
                visitor.complete_setup(code, "another password")
    with fresh.connect("aDmIn", PASSWORD) as server:
        assert server.username == "admin"
    with pytest.raises(Conflict):
        fresh.admin.setup_code()
    fresh.admin.users.add("bare", "viewer")
    fresh.stop()
    fresh.restart()
    started = fresh.admin.log.list(level="warning", match="only", text="has no password").entries
    assert [entry.message.split()[1] for entry in started] == ["bare", "admin"], "at the second start, at the first"
    assert "bare" in str(fresh.admin.health().findings)
    assert "<strong>bare</strong> has no password" in UsersPanel(fresh.admin, Trouble()).warning.value
    assert "NONE" in run("--data", str(fresh.data), "user", "list").out
    added = run("--data", str(fresh.data), "user", "add", "bare two", "--role", "viewer", "--no-password")
    assert "can log in only on the server machine" in added.err


@pytest.mark.spec("6: without a password only on the server machine, through the owner-only socket in the data folder")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_who_has_no_password_comes_in_through_the_socket_only_and_only_as_the_folders_owner(house: House) -> None:
    name = house.admin.users.add("socket only", "viewer").username
    for address in ("127.0.0.1", "localhost"):  # from the machine itself, which proxies and containers are, too
        url = house.server.url.replace("127.0.0.1", address)
        with pytest.raises(WrongLogin):
            trackkit.connect(url, username=name, password="", fingerprint=house.server.fingerprint)
    with trackkit.local(house.server.data, name) as server:
        assert (server.username, server.role) == (name, "viewer")
    assert (house.server.data / "local.sock").stat().st_mode & 0o777 == 0o600
    above = house.server.data.parent
    mode = above.stat().st_mode
    above.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(NotAllowed):
            trackkit.local(house.server.data, name)
    finally:
        os.seteuid(0)
        above.chmod(mode)
    house.admin.users.delete(name)


@pytest.mark.spec("6: password optional, argon2id")
def test_passwords_are_kept_as_argon2id_and_nowhere_else(house: House) -> None:
    secret = "nobody else's password"
    name = house.admin.users.add("hashed", "viewer", secret).username
    kept = column(house, "SELECT password_hash FROM users WHERE name_key = 'hashed'")
    assert kept[0].startswith("$argon2id$")
    for short in ("", "x", "1234567"):
        with pytest.raises(InvalidInput):
            house.admin.users.edit(name, password=short)
    with pytest.raises(InvalidInput):
        house.admin.users.edit(name, password="x" * 1025)
    for length in (8, 1024):
        house.admin.users.edit(name, password="y" * length)
        house.server.connect(name, "y" * length).close()
    seen = f"{house.admin.audit.frame().to_dict()} {house.admin.log.frame().to_dict()} {house.server.stderr}"
    assert secret not in seen
    assert "y" * 8 not in seen


@pytest.mark.spec("6: the last admin cannot be deleted or demoted")
def test_the_last_admin_stays(house: House) -> None:
    other = new_user(house, "admin")
    house.admin.users.edit(other, role="viewer")  # there are two: one may go
    for act in (
        lambda: house.admin.users.delete("admin"),
        lambda: house.admin.users.edit("ADMIN", role="operator"),
    ):
        with pytest.raises(Conflict, match="last admin"):
            act()
    assert house.admin.users.list().users[0].role is Role.admin


@pytest.mark.spec("6: roles")
def test_each_role_may_what_it_says(house: House) -> None:
    for role in Role:
        with logged_in(house, role.value) as server:
            assert (server.health() is not None, server.role) == (True, role)
            for needed, act in (
                (Role.operator, lambda server=server: server.mail.hold(["Q4711"])),
                (Role.admin, lambda server=server: server.users.list()),
            ):
                if role.covers(needed):
                    act()
                else:
                    with pytest.raises(NotAllowed, match=f"needs the role {needed}"):
                        act()


@pytest.mark.spec("6: API tokens: name, role no higher than their owner's, expiry, shown once")
def test_tokens(house: House) -> None:
    with logged_in(house, "operator") as operator:
        with pytest.raises(NotAllowed):
            operator.tokens.add("too high", "admin")
        made = operator.tokens.add("nightly", "viewer", days=1)
        with pytest.raises(Conflict):
            operator.tokens.add("nightly", "viewer")
        assert made.expires_at is not None
        assert timedelta(hours=23) < made.expires_at - datetime.now(UTC) <= timedelta(days=1)
        assert made.secret not in operator.tokens.list().model_dump_json(), "it is shown this once"
        assert made.secret not in repr(house.admin.audit.frame().to_dict())
        for days in (0, -1, 3661):
            with pytest.raises(InvalidInput):
                operator.tokens.add("a wrong term", "viewer", days=days)
        with trackkit.connect(house.server.url, token=made.secret, fingerprint=house.server.fingerprint) as script:
            assert (script.username, script.role) == (operator.username, "viewer")
            with pytest.raises(NotAllowed):
                script.mail.hold(["Q1"])
            with pytest.raises(NotAllowed):
                script.tokens.add("one that lives longer", "viewer")
            house.sql("UPDATE tokens SET expires_at = 1 WHERE name = 'nightly'")
            with pytest.raises(NotLoggedIn):
                script.health()
        command(house, "token", "delete", "nightly", "--owner", operator.username, code=2)
        command(house, "token", "delete", "nightly", "--owner", operator.username, "--yes")
        assert operator.tokens.list().tokens == ()
        assert list(operator.tokens.frame().columns)[:3] == ["server", "username", "name"]


@pytest.mark.spec("6: a list of current admin sessions with end session")
def test_sessions_are_listed_and_ended(house: House) -> None:
    with logged_in(house, "viewer") as ada, logged_in(house, "viewer") as bob:
        (own,) = ada.sessions.list().sessions
        assert (own.username, own.current, own.local, own.client_address) == (ada.username, True, False, "127.0.0.1")
        for named in (bob.session().session_id, "no-such-session", "x" * 64):
            with pytest.raises(NotFound):
                ada.sessions.end(named)
        assert bob.health() is not None
        every = house.admin.sessions.frame().set_index("session_id")
        assert {ada.session().session_id, bob.session().session_id} <= set(every.index)
        assert every.loc[house.admin.session().session_id, "current"]
        listed = command(house, "session", "list").out
        assert ada.username in listed
        assert "local socket" in listed
        asked = command(house, "session", "end", bob.session().session_id, code=2)
        assert f"End the session of {bob.username} from 127.0.0.1" in asked.err
        assert bob.health() is not None, "without an answer it goes on"
        command(house, "session", "end", bob.session().session_id, "--yes")
        with pytest.raises(NotLoggedIn):
            bob.health()
        record = house.admin.audit.list(limit=1).records[0]
        assert (record.operation, record.username, record.before["username"]) == ("session.end", "admin", bob.username)
        ada.sessions.end(own.session_id)
        with pytest.raises(NotLoggedIn):
            ada.health()


@pytest.mark.spec("0: an operator ends project sessions")
def test_an_operator_ends_project_sessions_and_a_viewer_does_not_see_them(house: House) -> None:
    database = house.make("sessions")
    with house.project(database) as project, logged_in(house, "viewer") as viewer, logged_in(house, "operator") as op:
        session = project.session().session_id
        assert session not in [one.session_id for one in viewer.sessions.list().sessions]
        with pytest.raises(NotFound):
            viewer.sessions.end(session)
        with pytest.raises(NotFound):
            op.sessions.end(house.admin.session().session_id)
        seen = {one.session_id: one for one in op.sessions.list().sessions}
        assert (seen[session].kind, seen[session].database, seen[session].client) == ("project", database, "api")
        assert project.list("defect").total == 0
        op.sessions.end(session)
        with pytest.raises(NotLoggedIn):
            project.list("defect")
        assert house.admin.audit.list(limit=1).records[0].username == op.username


@pytest.mark.spec("6: a changed password or role, or deletion, ends that user's sessions and revokes the tokens")
@pytest.mark.parametrize("change", ["role", "password", "own password", "deletion"])
def test_what_ends_access(house: House, change: str) -> None:
    name = new_user(house, "operator")
    with house.server.connect(name, PASSWORD) as first, house.server.connect(name, PASSWORD) as second:
        secret = first.tokens.add("script", "viewer").secret
        script = trackkit.connect(house.server.url, token=secret, fingerprint=house.server.fingerprint)
        if change == "role":
            house.admin.users.edit(name, role="viewer")
        elif change == "password":
            house.admin.users.edit(name, password="another long one")
        elif change == "own password":
            second.users.password("another long one", present=PASSWORD)
        else:
            house.admin.users.delete(name)
        for ended in (first, script):
            with pytest.raises(NotLoggedIn):
                ended.health()
        if change == "own password":
            assert second.health() is not None, "the session that changed it goes on"
        else:
            with pytest.raises(NotLoggedIn):
                second.health()
        script.close()


def test_secrets_are_never_arguments(house: House, tmp_path: Path) -> None:
    for words in (
        ("user", "add", "leaky", "--role", "viewer", "--password", PASSWORD),
        ("user", "password", "--new", PASSWORD),
    ):
        ran = command(house, *words, code=2)
        assert PASSWORD not in ran.err
        assert "arguments" in ran.err

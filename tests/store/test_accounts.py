"""Users, passwords, sessions, tokens, the set-up code; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as log_contract
from trackkit.contract import server as server_contract
from trackkit.contract import users as contract
from trackkit.contract.operation import Nothing
from trackkit.contract.options import SetOptions
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotLoggedIn, Unavailable, WrongLogin
from trackkit.services import accounts, authentication, log, options
from trackkit.services.authentication import authenticate, nobody
from trackkit.services.environment import Call, Environment
from trackkit.services.passwords import CONCURRENT, WAITING, Passwords

PASSWORD = "a-long-passphrase"


def _add(admin: AsUser, name: str, role: Role = Role.viewer, password: str | None = PASSWORD) -> contract.User:
    return accounts.add_user(admin(), contract.AddUser(username=name, role=role, password=password))


def _login(
    environment: Environment, name: str, password: str | None, *, local: bool = False
) -> server_contract.OpenedSession:
    call = Call(environment, nobody("192.0.2.1", local), environment.clock())
    return authentication.open_session(call, server_contract.LoginRequest(username=name, password=password))


def _who(environment: Environment, token: str, *, automatic: bool = False) -> Actor:
    return authenticate(environment, token, "192.0.2.1", False, automatic)


@pytest.mark.spec("6: names are not case sensitive")
def test_names_are_not_case_sensitive(environment: Environment, admin: AsUser) -> None:
    _add(admin, "Olga")
    with pytest.raises(Conflict, match="already"):
        _add(admin, "oLGA")
    assert _login(environment, "OLGA", PASSWORD).username == "Olga"


@pytest.mark.spec(
    "6: an account without a password can log in only on the server machine, as the owner of the data folder"
)
def test_without_a_password_only_the_local_socket_lets_in(environment: Environment, admin: AsUser) -> None:
    for attempt in (None, "", "guess-guess"):
        with pytest.raises(WrongLogin):
            _login(environment, "admin", attempt)
    session = _login(environment, "admin", None, local=True)
    assert (session.role, session.password_set) == (Role.admin, False)


def test_a_wrong_log_in_tells_nothing_and_is_logged(environment: Environment, admin: AsUser) -> None:
    _add(admin, "olga")
    messages = set()
    for name, password in (("olga", "wrong-password"), ("nobody", "wrong-password"), ("admin", "")):
        with pytest.raises(WrongLogin) as refused:
            _login(environment, name, password)
        messages.add(str(refused.value))
    assert len(messages) == 1
    page = log.list_log(admin(), log_contract.ListLog(level="unusual_activity", match="only"))
    assert [entry.client_address for entry in page.entries] == ["192.0.2.1"] * 3


@pytest.mark.spec("6: the last admin cannot be deleted or demoted")
def test_the_last_admin_stays(environment: Environment, admin: AsUser) -> None:
    with pytest.raises(Conflict, match="last admin"):
        accounts.delete_user(admin(), contract.NamedUser(username="ADMIN"))
    with pytest.raises(Conflict, match="last admin"):
        accounts.edit_user(admin(), contract.EditUser(username="admin", role=Role.viewer))
    _add(admin, "second", Role.admin)
    accounts.edit_user(admin(), contract.EditUser(username="admin", role=Role.viewer))
    with pytest.raises(Conflict, match="last admin"):
        accounts.delete_user(admin(), contract.NamedUser(username="second"))


@pytest.mark.spec("6: a changed password or role, or deletion, ends that user's sessions and revokes the tokens")
@pytest.mark.parametrize("change", ["role", "password", "deletion"])
def test_changes_end_access(environment: Environment, admin: AsUser, change: str) -> None:
    _add(admin, "olga", Role.operator)
    session = _login(environment, "olga", PASSWORD)
    olga = AsUser(environment, admin.clock, _who(environment, session.token))
    token = accounts.add_token(olga(), contract.AddToken(name="script", role=Role.viewer)).secret
    assert _who(environment, token).role is Role.viewer
    if change == "role":
        accounts.edit_user(admin(), contract.EditUser(username="olga", role=Role.viewer))
    elif change == "password":
        accounts.edit_user(admin(), contract.EditUser(username="olga", password="another-passphrase"))
    else:
        accounts.delete_user(admin(), contract.NamedUser(username="olga"))
    for secret in (session.token, token):
        with pytest.raises(NotLoggedIn):
            _who(environment, secret)


def test_own_password_needs_the_present_one_and_keeps_the_own_session(environment: Environment, admin: AsUser) -> None:
    _add(admin, "olga")
    session, other = _login(environment, "olga", PASSWORD), _login(environment, "olga", PASSWORD)
    olga = AsUser(environment, admin.clock, _who(environment, session.token))
    with pytest.raises(WrongLogin):
        accounts.change_password(olga(), contract.ChangePassword(new="new-passphrase", present="wrong"))
    with pytest.raises(InvalidInput, match="shorter"):
        accounts.change_password(olga(), contract.ChangePassword(new="short", present=PASSWORD))
    accounts.change_password(olga(), contract.ChangePassword(new="new-passphrase", present=PASSWORD))
    assert _who(environment, session.token).username == "olga"
    with pytest.raises(NotLoggedIn):
        _who(environment, other.token)
    assert _login(environment, "olga", "new-passphrase").username == "olga"


@pytest.mark.spec("6: API tokens (name, role no higher than their owner's, expiry, shown once)")
def test_tokens_expire_and_never_exceed_their_owner(environment: Environment, admin: AsUser, clock: Clock) -> None:
    operator = AsUser(environment, clock, replace(admin.actor, username="olga", role=Role.operator))
    _add(admin, "olga", Role.operator)
    with pytest.raises(NotAllowed):
        accounts.add_token(operator(), contract.AddToken(name="x", role=Role.admin))
    made = accounts.add_token(operator(), contract.AddToken(name="x", role=Role.operator, days=1))
    with pytest.raises(Conflict):
        accounts.add_token(operator(), contract.AddToken(name="x", role=Role.viewer))
    assert _who(environment, made.secret).token_name == "x"
    clock.forward(days=1)
    with pytest.raises(NotLoggedIn):
        _who(environment, made.secret)
    viewer = AsUser(environment, clock, replace(admin.actor, username="admin2", role=Role.viewer))
    with pytest.raises(NotAllowed):
        accounts.delete_token(viewer(), contract.NamedToken(username="olga", name="x"))
    accounts.delete_token(admin(), contract.NamedToken(username="OLGA", name="x"))
    with pytest.raises(NotFound):
        accounts.delete_token(admin(), contract.NamedToken(username="olga", name="x"))


@pytest.mark.spec("7: idle time-out; an automatic refresh is not activity")
def test_sessions_time_out_and_refreshes_do_not_count(environment: Environment, admin: AsUser, clock: Clock) -> None:
    options.set_options(admin(), SetOptions(values={"server.admin_idle_minutes": 10}))
    _add(admin, "olga")
    session = _login(environment, "olga", PASSWORD)
    clock.forward(minutes=9)
    _who(environment, session.token)
    clock.forward(minutes=9)
    _who(environment, session.token, automatic=True)
    clock.forward(minutes=1)
    with pytest.raises(NotLoggedIn, match="timed out"):
        _who(environment, session.token)
    second = _login(environment, "olga", PASSWORD)
    clock.forward(minutes=10)
    authentication.end_idle_sessions(environment)
    with pytest.raises(NotLoggedIn):
        _who(environment, second.token)


@pytest.mark.spec("6: a one-time set-up code with which the first visitor sets the admin password")
def test_the_setup_code_works_once(environment: Environment, admin: AsUser) -> None:
    visitor = Call(environment, nobody("192.0.2.1", False), environment.clock())

    def complete(code: str, password: str = PASSWORD) -> None:
        authentication.complete_setup(visitor, server_contract.SetupRequest(code=code, password=password))

    with pytest.raises(WrongLogin):
        complete("AAAA-AAAA-AAAA-AAAA-AAAA")
    old = authentication.issue_setup_code(admin(), Nothing()).code
    code = authentication.issue_setup_code(admin(), Nothing()).code
    with pytest.raises(WrongLogin):
        complete(old)
    with pytest.raises(InvalidInput):
        complete(code, "short")
    complete(code.lower().replace("-", " "))
    assert _login(environment, "admin", PASSWORD).role is Role.admin
    with pytest.raises(WrongLogin):
        complete(code, "another-passphrase")
    with pytest.raises(Conflict):
        authentication.issue_setup_code(admin(), Nothing())


def test_tokens_and_passwords_are_not_kept_readable(environment: Environment, admin: AsUser) -> None:
    _add(admin, "olga")
    session = _login(environment, "olga", PASSWORD)
    environment.log.flush()
    for file in environment.data.iterdir():
        if file.is_file():
            content = file.read_bytes()
            assert session.token.encode() not in content
            assert PASSWORD.encode() not in content


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a/b", "a\\b", "x" * 65])
def test_impossible_names_are_refused(admin: AsUser, name: str) -> None:
    with pytest.raises((InvalidInput, ValueError)):
        _add(admin, name)


@pytest.mark.spec("6: argon2id, bounded")
def test_a_rush_of_log_ins_is_bounded_and_leaves_nothing_taken() -> None:
    passwords = Passwords()
    known = passwords.hash(PASSWORD)

    def verify(_: int) -> bool | None:
        try:
            return passwords.verify(known, PASSWORD)
        except Unavailable:
            return None

    with ThreadPoolExecutor(80) as pool:
        results = list(pool.map(verify, range(80)))
    assert results.count(True) >= CONCURRENT + WAITING
    assert None in results
    assert False not in results
    assert [verify(n) for n in range(3)] == [True] * 3

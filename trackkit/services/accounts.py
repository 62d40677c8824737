"""Server users, their passwords and API tokens. Each change is one transaction with its audit record."""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from trackkit.contract import users as contract
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import Role, checked_password, checked_token_name, checked_username, username_key
from trackkit.domain.errors import Conflict, NotAllowed, NotFound, WrongLogin
from trackkit.domain.log import Severity
from trackkit.services.authentication import account_key
from trackkit.services.environment import Call
from trackkit.services.login_guard import Attempt
from trackkit.services.passwords import TOKEN_PREFIX, new_secret, token_hash
from trackkit.store import accounts
from trackkit.store.accounts import TokenRow, UserRow
from trackkit.store.database import Connection

SOURCE = "accounts"


def list_users(call: Call, request: Nothing) -> contract.Users:
    """All server users."""
    return contract.Users(users=tuple(map(_view, call.environment.store.read(accounts.all_users))))


def add_user(call: Call, request: contract.AddUser) -> contract.User:
    """Add a server user."""
    name = checked_username(request.username)
    password_hash = _hashed(call, request.password)

    def work(connection: Connection) -> UserRow:
        row = accounts.add_user(connection, name, request.role, password_hash, call.now)
        after = {"role": request.role.value, "password": "set" if password_hash else "none"}
        call.audit(connection, contract.ADD.name, name, after=after)
        return row

    row = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"User {name} was added as {request.role}.")
    return _view(row)


def edit_user(call: Call, request: contract.EditUser) -> contract.User:
    """Change a role or a password; it ends that user's sessions and revokes the tokens."""
    password_hash = _hashed(call, request.password)

    def work(connection: Connection) -> UserRow:
        row = _existing(connection, request.username)
        if request.role not in (None, row.role) and row.role is Role.admin:
            _keep_an_admin(connection, row)
        values: dict[str, object] = {}
        before, after = {}, {}
        if request.role is not None and request.role is not row.role:
            values["role"] = request.role
            before["role"], after["role"] = row.role.value, request.role.value
        if password_hash is not None:
            values["password_hash"] = password_hash
            after["password"] = "changed"
        if values:
            accounts.edit_user(connection, row.id, **values)
            accounts.end_access(connection, row.id)
            call.audit(connection, contract.EDIT.name, row.name, before, after)
        return _existing(connection, request.username)

    row = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"User {row.name} was changed; sessions and tokens of that user have ended.")
    return _view(row)


def delete_user(call: Call, request: contract.NamedUser) -> Done:
    """Delete a user; sessions and tokens end with it."""

    def work(connection: Connection) -> str:
        row = _existing(connection, request.username)
        if row.role is Role.admin:
            _keep_an_admin(connection, row)
        accounts.delete_user(connection, row.id)
        call.audit(connection, contract.DELETE.name, row.name, before={"role": row.role.value})
        return row.name

    name = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"User {name} was deleted.")
    return Done()


def change_password(call: Call, request: contract.ChangePassword) -> Done:
    """Change one's own password; every other session of that user ends, the tokens are revoked."""
    found = call.environment.store.read(lambda connection: _existing(connection, call.actor.username))
    if found.password_hash and not call.actor.local:
        _check_present(call, found, request.present)
    password_hash = _hashed(call, request.new, "new")

    def work(connection: Connection) -> None:
        row = _existing(connection, call.actor.username)
        if row.password_hash != found.password_hash:
            raise Conflict("The password was changed by somebody else meanwhile; nothing was changed.")
        accounts.edit_user(connection, row.id, password_hash=password_hash)
        accounts.end_access(connection, row.id, keep_session=call.actor.session_id)
        call.audit(connection, contract.PASSWORD.name, row.name, after={"password": "changed"})

    call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"User {found.name} changed the password.")
    return Done()


def _check_present(call: Call, row: UserRow, password: SecretStr | None) -> None:
    """Who found somebody's open session must not guess on there."""
    attempt = Attempt(SOURCE, account_key(row.name), row.name, call.actor.where)
    with call.environment.guard.trying(attempt):
        present = password.get_secret_value() if password else ""
        attempt.right = call.environment.passwords.verify(row.password_hash, present)
    if not attempt.right:
        raise WrongLogin("The present password is wrong; nothing was changed.")


def list_tokens(call: Call, request: Nothing) -> contract.Tokens:
    """One's own tokens; for an admin everybody's."""

    def work(connection: Connection) -> list[TokenRow]:
        if call.actor.role is Role.admin:
            return accounts.all_tokens(connection)
        return accounts.all_tokens(connection, _existing(connection, call.actor.username).id)

    return contract.Tokens(tokens=tuple(contract.Token(**_token(row)) for row in call.environment.store.read(work)))


def add_token(call: Call, request: contract.AddToken) -> contract.NewToken:
    """Make a token for oneself, with a role no higher than one's own."""
    if not call.actor.role.covers(request.role):
        raise NotAllowed(f"A token cannot have the role {request.role}: yours is {call.actor.role}.")
    name, secret = checked_token_name(request.name), new_secret(TOKEN_PREFIX)
    expires_at = call.now + timedelta(days=request.days) if request.days else None

    def work(connection: Connection) -> TokenRow:
        owner = _existing(connection, call.actor.username)
        row = accounts.add_token(connection, owner, name, request.role, token_hash(secret), call.now, expires_at)
        call.audit(connection, contract.ADD_TOKEN.name, f"{owner.name}/{name}", after={"role": request.role.value})
        return row

    row = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Token {name!r} was made with the role {request.role}.")
    return contract.NewToken(secret=secret, **_token(row))


def delete_token(call: Call, request: contract.NamedToken) -> Done:
    """Revoke a token: one's own, or as an admin anybody's."""
    own = username_key(request.username) == username_key(call.actor.username)
    if not own and call.actor.role is not Role.admin:
        raise NotAllowed("Only an admin can revoke somebody else's token.")

    def work(connection: Connection) -> None:
        if not accounts.delete_token(connection, request.username, request.name):
            raise NotFound(f"{request.username} has no token named {request.name!r}.")
        call.audit(connection, contract.DELETE_TOKEN.name, f"{request.username}/{request.name}")

    call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Token {request.name!r} of {request.username} was revoked.")
    return Done()


def _existing(connection: Connection, name: str) -> UserRow:
    row = accounts.find_user(connection, name, lock=True)
    if row is None:
        raise NotFound(f"There is no user {name!r}.")
    return row


def _keep_an_admin(connection: Connection, row: UserRow) -> None:
    if accounts.lock_admins(connection) <= 1:
        raise Conflict(
            f"{row.name} is the last admin and cannot be deleted or demoted; nothing was changed.",
            "Make another user admin first.",
        )


def _hashed(call: Call, password: SecretStr | None, field: str = "password") -> str | None:
    if password is None:
        return None
    return call.environment.passwords.hash(checked_password(password.get_secret_value(), field))


def _view(row: UserRow) -> contract.User:
    return contract.User(
        username=row.name,
        role=row.role,
        password_set=row.password_hash is not None,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )


def _token(row: TokenRow) -> dict[str, object]:
    return {
        "name": row.name,
        "username": row.user.name,
        "role": row.role,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
    }

"""Log-in of project users, their sessions, and their own passwords.

A project user is never a server user and the other way round: each kind of token opens only its own operations. What
fails is `WrongLogin`, which never tells which half was wrong, `TooManyAttempts` and `NotLoggedIn`; refusals are logged
as Unusual Activity with the database, of a flood of them a summary.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final, cast

from pydantic import SecretStr

from trackkit.contract import project as contract
from trackkit.contract.operation import Done, Nothing
from trackkit.domain.accounts import Actor, ProjectIdentity, Role, checked_password
from trackkit.domain.declared import checked
from trackkit.domain.errors import InvalidInput, NotFound, NotLoggedIn, WrongLogin
from trackkit.domain.log import Severity
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.seats import Ending, ending_of, renewed, with_pause
from trackkit.services import seats
from trackkit.services.environment import Call, Environment
from trackkit.services.login_guard import Attempt
from trackkit.services.login_proof import known_browser, proof_of
from trackkit.services.passwords import PROJECT_PREFIX, new_secret, token_hash
from trackkit.store import databases, project_items, project_sessions
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.project_items import LoginRow
from trackkit.store.project_tables import key_of_name

SOURCE: Final = "project log-in"
_TOUCH_EVERY: Final = timedelta(seconds=30)
_ENDED: Final = "Your project session has ended."


def offered_databases(call: Call, request: contract.OfferedDatabases) -> contract.Offers:
    """The active databases in the log-in list of that kind of client."""
    rows = call.environment.store.read(databases.all_databases)
    web = request.client == "web"
    shown = [
        row for row in rows if row.settings.active and (row.settings.in_web_list if web else row.settings.in_other_list)
    ]
    return contract.Offers(
        databases=tuple(contract.Offered(name=row.name, description=row.settings.description) for row in shown)
    )


def open_project(call: Call, request: contract.OpenProject) -> contract.OpenedProject:
    """Log in to a project."""
    environment = call.environment
    row, user = _verified(call, request)
    asked = seats.wanted(call, request.client, row.name, user.name, request.serial)
    token, session_id = new_secret(PROJECT_PREFIX), secrets.token_hex(8)

    def work(connection: Connection) -> seats.Taken:
        present = databases.by_row(connection, row.id)
        if present is None or not present.settings.active:
            raise WrongLogin("The database was switched off meanwhile.")
        taken = seats.take(environment, connection, asked, call.actor.address)
        if taken.refusal is not None:
            return taken  # what was reclaimed and the refusal itself are kept
        project_sessions.open_session(
            connection,
            session_id=session_id,
            token_hash=token_hash(token),
            database_row=row.id,
            user_number=user.number,
            username=user.name,
            client=request.client,
            address=call.actor.address,
            pool=asked.pool,
            license_number=asked.number,
            now=environment.clock(),
        )
        return taken

    seats.tell_and_refuse(environment, asked, environment.store.write(work), call.actor.where)
    words = f"{user.name} logged in ({request.client})."
    environment.log.write(
        Severity.information, SOURCE, words, database=row.name, username=user.name, client_address=call.actor.where
    )
    return contract.OpenedProject(
        token=token,
        session_id=session_id,
        database=row.name,
        username=user.name,
        client=request.client,
        commands=user.commands,
        opened_at=call.now,
        proof=proof_of(call, _attempt(call, request.database, request.username).account, request.proof),
    )


def _verified(call: Call, request: contract.OpenProject) -> tuple[DatabaseRow, LoginRow]:
    """The database and the user whose password it is."""
    environment = call.environment
    attempt = _attempt(call, request.database, request.username, request.proof)
    with environment.guard.trying(attempt):
        row, user = _claimed(environment, request)
        attempt.database = row.name if row else attempt.database
        right = environment.passwords.verify(user.password_hash if user else None, request.password.get_secret_value())
        attempt.right = right and user is not None and user.active and row is not None and row.settings.active
    if row is None or user is None or not attempt.right:
        raise WrongLogin("Database, user name or password is wrong, or the account or database is not active.")
    return row, user


def _attempt(call: Call, database: str, username: str, proof: SecretStr | None = None) -> Attempt:
    """A try of a project user's password; however the database is written, its tries are counted together."""
    try:
        key = call.environment.places.key_of(database)
    except InvalidInput:
        key, database = key_of_name(database), ""  # it can hold a password, and stands in no list
    account = f"project user {sha256(repr((key, key_of_name(username))).encode()).hexdigest()}"  # names can be long
    browser = known_browser(call, account, proof)
    return Attempt(SOURCE, account, username, call.actor.where, browser=browser, database=database)


def _claimed(environment: Environment, request: contract.OpenProject) -> tuple[DatabaseRow | None, LoginRow | None]:
    """Database and user that a log-in names; none for what there is not."""
    try:
        row = environment.projects.row(request.database)
    except NotFound:
        return None, None
    if not row.settings.active:
        return row, None
    read = environment.projects.opened(row).read
    return row, read(lambda connection: project_items.login_row(connection, request.username))


def authenticate_project(
    environment: Environment, token: str, address: str, local: bool, automatic: bool, *, leaving: bool = False
) -> Actor:
    """Who a project token stands for; `NotLoggedIn` when it stands for nobody (any more).

    Groups, activity and the account itself are looked at anew at each request, so that a change counts at once. Who is
    `leaving` needs none of that, and can go while the database is away.
    """
    now, hashed = environment.clock(), token_hash(token)
    session = environment.store.read(lambda connection: project_sessions.find_session(connection, hashed))
    if session is None:
        raise NotLoggedIn(_ENDED, "Log in to the project again.")
    lease = session.lease
    if (how := ending_of(lease, now, seats.timeouts(environment))) is not None:
        if environment.store.write(lambda connection: project_sessions.end(connection, session.session_id, how, now)):
            seats.tell_ended(environment, session, how)
        raise NotLoggedIn("Your project session timed out.", "Log in to the project again.")
    number = session.user_number
    if leaving:
        identity = ProjectIdentity(session.database, session.database_row, number, session.client, frozenset())
        return Actor(session.username, Role.viewer, address, local, session_id=session.session_id, project=identity)
    project = environment.projects.open(session.database)
    user = project.read(lambda connection: project_items.login_row_by_number(connection, number))
    if user is None or not user.active:
        ended = Ending.ended
        environment.store.write(lambda connection: project_sessions.end(connection, session.session_id, ended, now))
        raise NotLoggedIn(_ENDED, "The account is not active any more.")
    if now - (lease.seen_at if automatic else lease.used_at) >= _TOUCH_EVERY:
        pauses = session.pauses if automatic else with_pause(session.pauses, lease.taken_at, lease.used_at, now)
        fresh = renewed(lease, now, automatic=automatic)
        environment.store.write(lambda connection: project_sessions.renew(connection, fresh, pauses))
    identity = ProjectIdentity(
        session.database, session.database_row, user.number, session.client, frozenset(user.commands)
    )
    return Actor(user.name, Role.viewer, address, local, session_id=session.session_id, project=identity)


def identity_of(call: Call) -> ProjectIdentity:
    """The project user who asks; every operation of the realm has one."""
    if call.actor.project is None:
        raise NotLoggedIn("This needs a log-in to a project.", "Log in to the project.")
    return call.actor.project


def current_project(call: Call, request: Nothing) -> contract.ProjectSession:
    """Who the caller is in the project."""
    identity = identity_of(call)
    return contract.ProjectSession(
        session_id=call.actor.session_id or "",
        database=identity.database,
        username=call.actor.username,
        client=cast("contract.ClientKind", identity.client),
        commands=tuple(sorted(identity.commands)),
        opened_at=call.now,
    )


def close_project(call: Call, request: Nothing) -> Done:
    """Log out of the project."""
    session_id = call.actor.session_id or ""
    left = Ending.returned
    call.environment.store.write(lambda connection: project_sessions.end(connection, session_id, left, call.now))
    return Done()


def change_project_password(call: Call, request: contract.ProjectPassword) -> Done:
    """Change one's own password; the user's other sessions end."""
    environment, identity = call.environment, identity_of(call)
    project, number = environment.projects.open(identity.database), identity.user_number
    user = project.read(lambda connection: project_items.login_row_by_number(connection, number))
    attempt = _attempt(call, identity.database, call.actor.username)
    with environment.guard.trying(attempt):
        known = user.password_hash if user else None
        attempt.right = environment.passwords.verify(known, request.present.get_secret_value())
    if user is None or not attempt.right:
        raise WrongLogin("The present password is wrong; nothing was changed.")
    hashed = environment.passwords.hash(checked_password(request.new.get_secret_value(), "new"))

    def work(connection: Connection) -> None:
        info = KINDS[Kind.user]
        row = project_items.by_number(connection, info, number, lock=True)
        if row is None:
            raise NotLoggedIn(_ENDED, "The account was deleted.")
        model = checked(info.model, row.values, "The account cannot be changed.")
        project_items.edit(connection, info, number, model, {"password": hashed}, None, call.now, user.name)

    project.write(work)
    environment.store.write(
        lambda c: project_sessions.end_of_user(c, identity.database_row, number, call.now, keep=call.actor.session_id)
    )
    call.log(Severity.information, SOURCE, f"{user.name} changed the password.", database=identity.database)
    return Done()

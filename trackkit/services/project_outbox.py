"""The way of a project's mail into the server's queue: neither lost nor sent twice, whenever the server stops.

Mail is written down in the project, in the transaction that also files what it is about (`outbox.put`). `flush` takes
it into the queue: one transaction of the main database queues it and remembers up to which number, one of the project
then forgets it. What a crash or an unavailable database leaves, `flush_all` takes up; it is a chore of the server.

While a database may not send (`DatabaseSettings.sending`), its mail waits in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trackkit.domain.delivery import new_status
from trackkit.domain.errors import DatabaseUnavailable, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.message import Envelope, message_id, subject
from trackkit.services.environment import Environment
from trackkit.services.mail import policy
from trackkit.services.project_stores import OpenProject
from trackkit.store import databases, new_mail, outbox
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.new_mail import NewMessage
from trackkit.store.outbox import Numbered, Outgoing

SOURCE: Final = "project mail"
_SUBMITTER: Final = "trackkit/project"
"""Who submits what projects send; no user can have that name, because names hold no slash."""

_TOGETHER: Final = 200
_OCTETS: Final = 16 * 1024 * 1024
"""Messages and octets that go into the queue in one transaction."""


def flush(environment: Environment, row: DatabaseRow) -> None:
    """Take what a project has to send into the queue. What cannot be taken now is logged, and taken later."""
    _as_far_as_possible(environment, row, _flush)


def flush_all(environment: Environment) -> None:
    """Take up what was left in any project, and tidy up where the server stopped before."""
    for row in environment.store.read(databases.all_databases):
        if row.settings.active and not environment.projects.availability(row):
            _as_far_as_possible(environment, row, _flush)
            _as_far_as_possible(environment, row, _tidy)


def _as_far_as_possible(
    environment: Environment, row: DatabaseRow, step: Callable[[Environment, OpenProject], None]
) -> None:
    try:
        step(environment, environment.projects.opened(row))
    except DatabaseUnavailable:
        return  # logged when it went away; the chore takes the mail when it is back
    except Unavailable as error:
        words = f"Mail of {row.name} could not be queued yet; it will be: {error.message}"
        environment.log.write(Severity.warning, SOURCE, words, database=row.name)


def _flush(environment: Environment, project: OpenProject) -> None:
    with project.queueing:  # so that whoever comes back from here knows where in the queue its mail is
        while _taken(environment, project):
            pass


def _taken(environment: Environment, project: OpenProject) -> bool:
    """Take the next mails; whether there were any that may be sent."""
    identity = project.row.database_id
    last = environment.store.read(lambda connection: outbox.mark(connection, identity))
    found = project.read(lambda connection: outbox.waiting(connection, last, _TOGETHER, _OCTETS))
    if not found:
        return False
    queued = environment.store.write(lambda connection: _enqueue(connection, environment, project.row, found))
    if not queued:
        return False
    environment.mail_changed()
    by_email = {one.mail.email: queued[one.number] for one in found if one.mail.email and one.number in queued}
    project.write(lambda connection: outbox.taken_over(connection, list(queued), by_email))
    return True


def _enqueue(
    connection: Connection, environment: Environment, row: DatabaseRow, found: Sequence[Numbered]
) -> dict[int, int]:
    """Queue what is not in the queue yet; the numbers of the messages by theirs."""
    present = databases.by_row(connection, row.id, lock=True)  # one after the other for each project
    if present is None or not present.settings.sending:
        return {}
    last = outbox.mark(connection, row.database_id)
    new = [one for one in found if one.number > last]
    if not new:
        return {}
    now = environment.clock()
    keys = new_mail.enqueue_all(
        connection, [_message(one.mail) for one in new], new_status(now, policy(environment.options.current)), now
    )
    outbox.move_mark(connection, row.database_id, last, new[-1].number)
    return dict(zip((one.number for one in new), keys, strict=True))


def _message(mail: Outgoing) -> NewMessage:
    envelope = Envelope(mail.mail_from, mail.rcpt_tos)
    return NewMessage(mail.raw, envelope, message_id(mail.raw), subject(mail.raw), _SUBMITTER)


def _tidy(environment: Environment, project: OpenProject) -> None:
    """Forget mails that are in the queue and still in the project, and note with their e-mails where they are."""
    identity = project.row.database_id
    last = environment.store.read(lambda connection: outbox.mark(connection, identity))
    left = project.read(lambda connection: outbox.left_behind(connection, last, _TOGETHER))
    if not left:
        return
    ids = {own_id: email for _, email, own_id in left if email and own_id}
    queued = environment.store.read(lambda connection: outbox.queued_as(connection, list(ids)))
    by_email = {ids[one]: number for one, number in queued.items()}
    project.write(lambda connection: outbox.taken_over(connection, [number for number, *_ in left], by_email))

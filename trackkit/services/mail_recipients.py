"""Correcting the address of a recipient in the queue.

What may be corrected, and what becomes of it, is ``edit`` in the table of `trackkit.domain.delivery`. The tries that
were made for the wrong address stay in the message's list of attempts under that address.
"""

from __future__ import annotations

from trackkit.contract import mail as contract
from trackkit.domain.addresses import address_problem, mapi_address_problem, normal_address
from trackkit.domain.delivery import Event, Refused, State, Status, step
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.log import Severity
from trackkit.domain.message import MailType, queue_id
from trackkit.services.environment import Call
from trackkit.services.mail import SOURCE, gone, number_of, policy
from trackkit.store import queue
from trackkit.store.database import Connection
from trackkit.store.queue import RecipientStatus


def edit_recipient(call: Call, request: contract.EditRecipient) -> contract.EditedRecipient:
    """Give a recipient another address."""
    number, new_address = number_of(request.queue_id), normal_address(request.new_address.strip())
    retry = policy(call.environment.options.current)

    def work(connection: Connection) -> Status:
        row = _chosen(queue.of_messages(connection, [number]), request, new_address)
        mail_type = queue.mail_type_of(connection, row.recipient_id)
        if reason := _PROBLEM[mail_type](new_address):
            raise InvalidInput.of("new_address", reason)
        status = step(row.status, Event.edit, retry, call.now)
        if isinstance(status, Refused):
            raise Conflict(f"{row.address} {status.reason}; nothing was changed.", _ADVICE.get(row.status.state, ""))
        assert isinstance(status, Status)  # noqa: S101 - only a purge makes a recipient go
        queue.set_statuses(connection, [(row, status)])
        queue.set_address(connection, row.recipient_id, new_address)
        call.audit(
            connection,
            contract.EDIT_RECIPIENT.name,
            queue_id(number),
            before={"recipient": row.address, "state": row.status.state},
            after={"recipient": new_address, "state": status.state},
        )
        return status

    status = call.environment.store.write(work)
    words = f"A recipient of {queue_id(number)} was changed from {request.address} to {new_address}."
    call.log(Severity.information, SOURCE, words)
    call.environment.mail_changed()
    due = None if status.state is State.held else status.next_attempt_at
    return contract.EditedRecipient(
        queue_id=queue_id(number), address=new_address, state=status.state, next_attempt_at=due
    )


_PROBLEM = {MailType.internet: address_problem, MailType.mapi: mapi_address_problem}

_ADVICE = {
    State.active: "It is being sent to right now: try again in a moment.",
    State.deleted: "Bring it back first, while that is possible.",
}


def _chosen(rows: list[RecipientStatus], request: contract.EditRecipient, new_address: str) -> RecipientStatus:
    """The recipient that is meant, if it can get that address."""
    if not rows:
        raise gone(request.queue_id)
    row = next((row for row in rows if row.address == normal_address(request.address.strip())), None)
    if row is None:
        raise NotFound(
            f"{request.queue_id} has no recipient {request.address!r}; nothing was changed.",
            "`mail show` lists its recipients.",
        )
    if any(_same(other.address, new_address) for other in rows):
        raise InvalidInput.of("new_address", f"is {new_address}, which is a recipient of this message already")
    return row


def _same(one: str, other: str) -> bool:
    """Whether two addresses are one: the case of the domain does not matter (RFC 5321 §2.4)."""
    (local, _, domain), (other_local, _, other_domain) = one.rpartition("@"), other.rpartition("@")
    return local == other_local and domain.lower() == other_domain.lower()

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
    number = number_of(request.queue_id)
    retry = policy(call.environment.options.current)

    def work(connection: Connection) -> tuple[Status, str]:
        rows = queue.of_messages(connection, [number])
        row = _chosen(rows, request)
        new_address = _checked(request.new_address.strip(), queue.mail_type_of(connection, row.recipient_id), rows)
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
        return status, new_address

    status, new_address = call.environment.store.write(work)
    words = f"A recipient of {queue_id(number)} was changed from {request.address} to {new_address}."
    call.log(Severity.information, SOURCE, words)
    call.environment.mail_changed()
    due = None if status.state is State.held else status.next_attempt_at
    return contract.EditedRecipient(
        queue_id=queue_id(number), address=new_address, state=status.state, next_attempt_at=due
    )


_ADVICE = {
    State.active: "It is being sent to right now: try again in a moment.",
    State.deleted: "Bring it back first, while that is possible.",
}


def _chosen(rows: list[RecipientStatus], request: contract.EditRecipient) -> RecipientStatus:
    """The recipient that is meant. Addresses of MAPI's are kept as they were given, others in their normal form."""
    if not rows:
        raise gone(request.queue_id)
    asked = request.address.strip()
    row = next((row for known in (asked, normal_address(asked)) for row in rows if row.address == known), None)
    if row is None:
        raise NotFound(
            f"{request.queue_id} has no recipient {request.address!r}; nothing was changed.",
            "`mail show` lists its recipients.",
        )
    return row


def _checked(address: str, mail_type: MailType, rows: list[RecipientStatus]) -> str:
    """The new address in the form it is kept in, if it is one of that type and no recipient's yet."""
    if mail_type is MailType.mapi:
        reason = mapi_address_problem(address)
    else:
        address = normal_address(address)
        reason = address_problem(address)
    if reason:
        raise InvalidInput.of("new_address", reason)
    if any(_same(other.address, address) for other in rows):
        raise InvalidInput.of("new_address", f"is {address}, which is a recipient of this message already")
    return address


def _same(one: str, other: str) -> bool:
    """Whether two addresses are one: the case of the domain does not matter (RFC 5321 §2.4)."""
    (local, _, domain), (other_local, _, other_domain) = one.rpartition("@"), other.rpartition("@")
    return local == other_local and domain.lower() == other_domain.lower()

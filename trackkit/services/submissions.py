"""Defects from people without an account: which databases take them, and taking one in.

Nobody learns more of a project than the number of the new defect. A database that is not there, is not active or takes
no defects is the same `NotFound`; of one that is away the reason stands in the log only.
"""

from __future__ import annotations

from typing import Final

from trackkit.contract import project as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.databases import DatabaseSettings
from trackkit.domain.declared import checked
from trackkit.domain.errors import DatabaseUnavailable, NotFound, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.project.kind import SOLOSUBMIT, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.project.rules import Change
from trackkit.domain.project.submission import REFUSED, Submission
from trackkit.services import project_outbox, seats
from trackkit.services.environment import Call
from trackkit.services.letters import Sender, may_get_letters, put_letter, sender_of
from trackkit.services.notifications import Teller
from trackkit.services.project_mail_settings import settings_of
from trackkit.services.submission_gate import SOURCE
from trackkit.store import databases, project_items
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow

_NOWHERE: Final = "No project of that name takes defects without an account here."


def submission_databases(call: Call, request: Nothing) -> contract.Offers:
    """The databases that take defects without an account; none without a license."""

    def work(connection: Connection) -> list[DatabaseRow]:
        licensed = seats.solosubmit_licensed(call.environment, connection)
        return databases.all_databases(connection) if licensed else []

    rows = call.environment.store.read(work)
    taking = [row for row in rows if _takes(row.settings)]
    return contract.Offers(
        databases=tuple(contract.Offered(name=row.name, description=row.settings.description) for row in taking)
    )


def submission_database(call: Call, database: str) -> contract.Offered:
    """The database of that name, if it takes defects without an account; else `NotFound`, `Conflict`."""
    row = _taking(call, database)
    return contract.Offered(name=row.name, description=row.settings.description)


def check_licensed(call: Call) -> None:
    """`Conflict` unless this server has a solosubmit license."""
    call.environment.store.read(lambda connection: seats.check_solosubmit(call.environment, connection))


def submit_defect(call: Call, request: contract.SubmitDefect) -> contract.Submitted:
    """Store the defect of somebody without an account."""
    texts = {name: getattr(request, name) for name in Submission.model_fields}
    return accept(call, request.database, checked(Submission, texts, REFUSED))


def accept(call: Call, database: str, submission: Submission) -> contract.Submitted:
    """Store what was submitted, unless too much comes; see `domain.project.submission`."""
    environment = call.environment
    environment.submissions.admit(call.actor.where)
    row = _taking(call, database)
    defect, teller, letter_from = submission.defect(), Teller(environment, row), _letter_from(call, row, submission)

    def work(connection: Connection) -> int:
        info = KINDS[Kind.defect]
        (number,) = project_items.add_many(connection, info, [(defect, {})], call.now, SOLOSUBMIT)
        teller.tell(connection, info, [Change(number, None, dict(defect))], SOLOSUBMIT, call.now)
        if letter_from is not None:
            put_letter(connection, environment, letter_from, Kind.defect, number, submission.email, call.now)
        return number

    try:
        number = environment.projects.opened(row).write(work)
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            "The project cannot be reached at the moment; your defect was not stored.", "Try again later."
        ) from error
    teller.finish()
    if letter_from is not None:
        project_outbox.flush(environment, row)
    words = f"Defect {number} was submitted without an account."
    environment.log.write(Severity.information, SOURCE, words, database=row.name, client_address=call.actor.where)
    return contract.Submitted(number=number, message=f"Thank you. Your defect was stored; its number is {number}.")


def _letter_from(call: Call, row: DatabaseRow, submission: Submission) -> Sender | None:
    """In whose name who submits gets an automatic letter; none where nobody gets one. Secrets that this needs and that
    cannot be read cost the letter, never what was submitted."""
    environment = call.environment
    try:
        settings = settings_of(environment, row)
        if row.settings.sending and may_get_letters(environment, settings, submission.email):
            return sender_of(environment, row, settings)
    except Unavailable as error:
        words = f"An automatic letter of {row.name} could not be written: {error.message}"
        environment.log.write(Severity.warning, SOURCE, words, database=row.name)
    return None


def _taking(call: Call, database: str) -> DatabaseRow:
    environment = call.environment
    check_licensed(call)
    try:
        row = environment.projects.row(database)
    except NotFound:  # its words tell it apart from a database that only takes no defects
        raise NotFound(_NOWHERE) from None
    if not _takes(row.settings):
        raise NotFound(_NOWHERE)
    return row


def _takes(settings: DatabaseSettings) -> bool:
    return settings.active and settings.solosubmit

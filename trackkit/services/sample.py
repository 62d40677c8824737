"""The sample database that a server gets at its very first start: a small project to look around in.

Nothing in it is real: its mails are held and addressed to ``.invalid`` (RFC 2606), sending is off, and its users have
a password that everybody may know. What keeps it from being made is logged and keeps no server from starting.
"""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from uuid import uuid4

from trackkit.domain.accounts import Actor, Role
from trackkit.domain.databases import DatabaseSettings
from trackkit.domain.delivery import State, new_status
from trackkit.domain.errors import TrackkitError
from trackkit.domain.log import Severity
from trackkit.domain.message import checked_envelope
from trackkit.services.databases import register
from trackkit.services.environment import Call, Environment
from trackkit.services.mail import policy
from trackkit.services.sample_project import fill
from trackkit.store import new_mail, project_facts, project_mail_settings, records
from trackkit.store.database import Connection
from trackkit.store.new_mail import NewMessage
from trackkit.store.project_mail_settings import StoredMailSettings

SOURCE: Final = "databases"
NAME: Final = "sample"
PASSWORD: Final = "trackkit sample"
ADMINISTRATOR: Final = "administrator"
DESCRIPTION: Final = f"Made up, to look around in. Everybody knows its password, '{PASSWORD}': keep nothing real here."
FACT: Final = "sample"
WANTED: Final = "wanted"


def make_once(environment: Environment, *, wanted: bool) -> None:
    """Make the sample if this is the server's first start and it is `wanted`; either way never again."""
    if environment.store.read(lambda connection: records.get_fact(connection, FACT)) != WANTED:
        return
    if wanted:
        try:
            _make(environment)
        except TrackkitError as error:
            words = f"The sample database could not be made: {error}"
            environment.log.write(Severity.warning, SOURCE, words, database=NAME)
    environment.store.write(lambda connection: records.set_fact(connection, FACT, "made" if wanted else "not wanted"))


def _make(environment: Environment) -> None:
    call = Call(environment, Actor("trackkit", Role.admin, "", local=True), environment.clock())
    location, database_id = environment.places.locate(NAME), str(uuid4())
    hashed = environment.passwords.hash(PASSWORD)

    def work(connection: Connection) -> None:
        project_facts.found_project(connection, database_id, call.now, ADMINISTRATOR, hashed)
        fill(connection, hashed, call.now)

    environment.places.build(location, None, work)
    settings = DatabaseSettings(description=DESCRIPTION, sending=False, solosubmit=True)
    row = register(call, "database.create", location, settings, database_id, None)
    mail = StoredMailSettings(_MAIL, None, 1)
    environment.store.write(lambda connection: project_mail_settings.save(connection, row.id, mail))
    environment.store.write(lambda connection: _hold_mails(connection, call))


def _hold_mails(connection: Connection, call: Call) -> None:
    """Mails in the queue that wait for an administrator, and would reach nobody if they were released."""
    status = replace(new_status(call.now, policy(call.environment.options.current)), state=State.held)
    for number, (recipient, subject, body) in enumerate(_MAILS, 1):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = (
            "Sample project <sample@sample.invalid>",
            recipient,
            subject,
        )
        message["Date"], message["Message-ID"] = format_datetime(call.now), f"<sample-{number}@sample.invalid>"
        message.set_content(body)
        envelope = checked_envelope("sample@sample.invalid", [recipient])
        new = NewMessage(message.as_bytes(), envelope, str(message["Message-ID"]), subject, "trackkit")
        new_mail.enqueue(connection, new, status, call.now)


_MAIL: Final = {"notification_name": "Sample project", "notification_address": "support@sample.invalid"}
_MAILS: Final = (
    ("ana@sample.invalid", "Defect 1 was assigned to you", "Total is wrong when a voucher covers the whole order.\n"),
    ("orders@northwind.invalid", "Defect 4: which printer do you use?", "Please tell us the printer's model.\n"),
    ("ben@sample.invalid", "Defect 6 is overdue", "Session ends while a long form is filled in.\n"),
)

"""Mails about log entries with the real queue, on both databases, with a clock the test sets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from tests.store.conftest import AsUser, Clock
from trackkit.contract import log as log_contract
from trackkit.contract import mail as mail_contract
from trackkit.contract.options import SetOptions
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.log import Severity
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.server import compose
from trackkit.server.folder import Folder
from trackkit.server.settings import MachineSettings
from trackkit.services import log, mail, mail_listing, options
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.log_digest import mail_log

WINDOW = 60
MAILED = {
    "log.email_level": "error",
    "log.email_to": "admin@here.test",
    "log.email_window_seconds": WINDOW,
    "sending.smtp.host": "relay.test",
}


def collect(environment: Environment) -> None:
    """Until what was written to the log is collected."""
    environment.log.flush()
    environment.log._mail.flush()


def errors(environment: Environment, number: int) -> None:
    for n in range(number):
        environment.log.write(Severity.error, "test", f"Trouble {n}.")
    collect(environment)


def setting(admin: AsUser, values: Mapping[str, object]) -> None:
    options.set_options(admin(), SetOptions(values=dict(values)))


def waiting(admin: AsUser) -> list[tuple[str, EmailMessage]]:
    """(id in the queue, mail) of every message in the queue that is not deleted, the oldest first."""
    found = mail_listing.list_queue(admin(), mail_contract.ListQueue()).messages
    ids = [message.queue_id for message in reversed(found) if message.state != "deleted"]
    mails = [mail.raw(admin(), mail_contract.OneMessage(queue_id=queue_id)).message for queue_id in ids]
    return [(key, message_from_bytes(raw, policy=default)) for key, raw in zip(ids, mails, strict=True)]  # type: ignore[misc]


def text(message: EmailMessage) -> str:
    return str(message.get_content())


def settle(environment: Environment, verdict: Verdict, code: int) -> None:
    """One try of everything that is due."""
    queue = DeliveryQueue(environment, "worker", jitter=lambda: 0.5)
    for claimed in queue.claim(100):
        failure = None if verdict is Verdict.accepted else Failure.replied
        outcome = Outcome(verdict, Stage.recipient, failure, smtp_code=code, text="said the host")
        outcomes = {recipient.recipient_id: outcome for recipient in claimed.recipients}
        queue.settle([Attempted(claimed, environment.clock(), environment.clock(), "relay.test:25", outcomes, "")])
    collect(environment)


def test_one_mail_a_window_with_exact_numbers(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, MAILED)
    errors(environment, 3)
    environment.log.write(Severity.warning, "test", "below the level")
    mail_log(environment)
    assert waiting(admin) == [], "the window is open"
    clock.forward(seconds=WINDOW - 1)
    errors(environment, 2)
    mail_log(environment)
    assert waiting(admin) == []
    clock.forward(seconds=1)
    mail_log(environment)
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert "5 Error" in str(message["Subject"])
    assert "Warning" not in text(message)
    assert "Error, test, 5 times" in text(message)
    assert message["Auto-Submitted"] == "auto-generated"
    assert (message["To"], message["From"]) == ("admin@here.test", "trackkit <admin@here.test>")
    [shown] = mail_listing.list_queue(admin(), mail_contract.ListQueue()).messages
    assert shown.sender == "", "the null sender: nobody is told of trouble with it"


def test_the_return_address_is_used(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, {**MAILED, "log.email_return_address": "log@here.test"})
    errors(environment, 1)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert message["From"] == "trackkit <log@here.test>"
    assert mail_listing.list_queue(admin(), mail_contract.ListQueue()).messages[0].sender == "log@here.test"


def test_while_one_waits_no_further_one_is_made(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, MAILED)
    errors(environment, 1)
    for _ in range(5):
        clock.forward(seconds=WINDOW)
        mail_log(environment)
        settle(environment, Verdict.temporary, 451)
        errors(environment, 10)
    [(_, first)] = waiting(admin)
    assert "1 Error" in str(first["Subject"])
    clock.forward(days=1)
    settle(environment, Verdict.accepted, 250)
    mail_log(environment)
    [(_, second)] = waiting(admin)
    assert "50 Error" in str(second["Subject"]), "merged, and nothing but the errors themselves"


def test_one_that_failed_is_replaced_and_told_of(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, MAILED)
    errors(environment, 4)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    settle(environment, Verdict.permanent, 550)
    mail_log(environment)
    [(failed, _)] = waiting(admin)
    assert mail_listing.list_queue(admin(), mail_contract.ListQueue()).messages[0].state == "failed"
    assert environment.digest.present.entries == 0, "its failure is mailed to nobody"
    told = log.list_log(admin(), log_contract.ListLog(level="severe_error", match="only")).entries
    assert [entry.message for entry in told] == [f"{failed} could not be delivered to admin@here.test."]
    errors(environment, 2)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(second, message)] = waiting(admin)
    assert second != failed
    assert "An earlier mail about 4 entries could not be delivered." in text(message)
    settle(environment, Verdict.permanent, 550)
    errors(environment, 1)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(_, third)] = waiting(admin)
    assert "An earlier mail about 6 entries could not be delivered." in text(third)


def test_one_that_waits_for_another_address_is_replaced(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, {**MAILED, "log.email_to": "admin@mistyped.test"})
    errors(environment, 4)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    settle(environment, Verdict.temporary, 451)
    setting(admin, {"log.email_to": "admin@here.test"})
    errors(environment, 1)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert message["To"] == "admin@here.test"
    assert "An earlier mail about 4 entries could not be delivered." in text(message)


def test_deleting_the_waiting_one_lets_the_next_go(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, MAILED)
    errors(environment, 1)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(first, _)] = waiting(admin)
    mail.delete(admin(), mail_contract.Verb(queue_ids=[first]))
    errors(environment, 2)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert "2 Error" in str(message["Subject"])


def test_a_restart_neither_mails_twice_nor_forgets(tmp_path: Path, database_url: str | None, clock: Clock) -> None:
    from trackkit.server.folder import prepare

    def started(folder: Folder) -> AbstractContextManager[Environment]:
        return compose.environment(folder, MachineSettings(), database_url, clock)

    folder = prepare(tmp_path / "data")
    somebody = Actor("admin", Role.admin, "127.0.0.1", session_id="test")
    with started(folder) as environment:
        setting(AsUser(environment, clock, somebody), MAILED)
        errors(environment, 3)
        clock.forward(seconds=WINDOW / 2)
    with started(folder) as environment:
        errors(environment, 2)
        mail_log(environment)
        assert waiting(AsUser(environment, clock, somebody)) == [], "the window that was open goes on"
        clock.forward(seconds=WINDOW / 2)
        mail_log(environment)
    with started(folder) as environment:
        admin = AsUser(environment, clock, somebody)
        for _ in range(3):
            clock.forward(seconds=WINDOW)
            mail_log(environment)
        [(_, message)] = waiting(admin)
        assert "5 Error" in str(message["Subject"])


def test_mapi_addresses_are_skipped_with_the_reason(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, {**MAILED, "log.email_address_type": "mapi"})
    errors(environment, 7)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    collect(environment)
    assert waiting(admin) == []
    told = log.list_log(admin(), log_contract.ListLog(level="warning", match="only")).entries
    words = "mail to MAPI addresses needs MAPI (sending.mapi.enabled), and that needs Windows."
    assert [entry.message for entry in told] == [f"7 log entries were not e-mailed: {words}"]


def test_switching_it_off_forgets_what_waits(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, MAILED)
    errors(environment, 1)
    setting(admin, {"log.email_level": "off"})
    mail_log(environment)
    setting(admin, {"log.email_level": "error"})
    clock.forward(days=1)
    mail_log(environment)
    assert waiting(admin) == []


def test_no_secret_gets_into_a_mail(environment: Environment, admin: AsUser, clock: Clock) -> None:
    setting(admin, {**MAILED, "sending.smtp.password": "hunter2-hunter2"})
    environment.log.write(Severity.error, "test", "The host said: hunter2-hunter2 is wrong")
    collect(environment)
    clock.forward(seconds=WINDOW)
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert "hunter2" not in message.as_string()
    assert "The host said: [secret removed] is wrong" in text(message)


def test_trouble_of_the_digest_itself_is_never_mailed(
    environment: Environment, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(admin, MAILED)
    errors(environment, 1)
    clock.forward(seconds=WINDOW)
    monkeypatch.setattr("trackkit.services.log_digest._message", lambda *_: 1 / 0)
    for _ in range(3):
        mail_log(environment)
    collect(environment)
    assert environment.digest.present.entries == 1
    told = log.list_log(admin(), log_contract.ListLog(text="could not be e-mailed")).entries
    assert len(told) == 3
    monkeypatch.undo()
    mail_log(environment)
    [(_, message)] = waiting(admin)
    assert "1 Error" in str(message["Subject"])

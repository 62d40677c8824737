"""A running server and a mail host: the sender is told, addresses are corrected, verbs by filter, history goes."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.acceptance.conftest import House
from tests.fakes.smtp_server import Action, Received, ScriptedSmtp, say
from tests.ports import free_port, wait_until
from tests.unit.cli_runs import run
from trackkit.client import Server
from trackkit.contract.fixes import FixView
from trackkit.domain.delivery import State
from trackkit.domain.errors import Conflict

HOUR = 3600 * 1_000_000
"""As the tables count: in microseconds."""


def rcpt(line: str) -> Action | None:
    """The host knows nobody whose name begins with ``gone``, and is not ready for ``later``."""
    if "<gone" in line.lower():
        return say("550 5.1.1 No such user here")
    return say("451 4.7.1 Greylisted") if "<later" in line.lower() else None


@pytest.fixture(scope="module")
def host(house: House) -> Iterator[ScriptedSmtp]:
    """One for each server."""
    with ScriptedSmtp({"rcpt": rcpt}) as running:
        yield running


@pytest.fixture
def admin(house: House, host: ScriptedSmtp) -> Server:
    """With an empty queue, sending to the host."""
    house.admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": host.port, "sending.paused": False})
    wait_until(lambda: not house.admin.mail.list("active").total, what="the end of what is being sent")
    house.admin.mail.where().delete().wait()
    return house.admin


def submit(admin: Server, *to: str, sender: str = "", header: str = "") -> str:
    raw = f"Subject: To {to[0]}\r\nMessage-ID: <m@here.test>\r\n{header}\r\nbody\r\n".encode()
    return admin.mail.submit(raw, sender=sender, recipients=to).queue_id


def told(host: ScriptedSmtp, address: str) -> list[EmailMessage]:
    """The notifications that address has got."""
    found: list[Received] = [m for m in host.messages if m.rcpt_tos == (address,) and m.mail_from == ""]
    return [message_from_bytes(m.data, _class=EmailMessage, policy=policy.default) for m in found]


def state(admin: Server, queue_id: str) -> list[State]:
    return [r.state for r in admin.mail.show(queue_id).recipients]


@pytest.mark.spec("5: the sender is told of a failure, never the null sender or an automatic one")
def test_a_sender_gets_one_notification_that_names_who_failed(admin: Server, host: ScriptedSmtp) -> None:
    silent = [
        submit(admin, "gone1@y.test"),
        submit(admin, "gone2@y.test", sender="noreply@here.test"),
        submit(admin, "gone3@y.test", sender="eve@here.test", header="Auto-Submitted: auto-generated\r\n"),
    ]
    queue_id = submit(admin, "gone4@y.test", "fine@y.test", "gone5@y.test", sender="ada@here.test")
    wait_until(lambda: len(told(host, "ada@here.test")) == 1, what="the notification")
    wait_until(lambda: all(state(admin, key) == [State.failed] for key in silent), what="the failures")
    wait_until(lambda: admin.mail.list(text="here.test").total == 3, what="the notification to have left the queue")
    [message] = told(host, "ada@here.test")
    words, report, _ = message.iter_parts()
    assert "No such user here" in words.get_content()
    assert queue_id in words.get_content()
    fields = report.get_payload()[1:]
    assert [one["Final-Recipient"] for one in fields] == ["rfc822; gone4@y.test", "rfc822; gone5@y.test"]
    assert {(one["Action"], one["Status"]) for one in fields} == {("failed", "5.1.1")}
    assert (message["Auto-Submitted"], message["References"]) == ("auto-replied", "<m@here.test>")
    assert told(host, "noreply@here.test") == told(host, "eve@here.test") == []


@pytest.mark.spec("5: an optional warning tells the sender once of a delay")
def test_a_sender_is_warned_once_of_a_delay(admin: Server, host: ScriptedSmtp, house: House) -> None:
    admin.options.set({"sending.timing.delay_warning_hours": 4})
    queue_id = submit(admin, "later@y.test", sender="bob@here.test")

    def tried(times: int) -> bool:
        return admin.mail.show(queue_id).message.attempts == times and state(admin, queue_id) == [State.deferred]

    wait_until(lambda: tried(1), what="the first try")
    house.sql(f"UPDATE messages SET queued_at = queued_at - {5 * HOUR}")
    for times in (2, 3):
        admin.mail.reattempt(queue_id)
        wait_until(lambda times=times: tried(times), what="another try")  # type: ignore[misc]
    wait_until(lambda: admin.mail.list(text="bob@").total == 1, what="the warning to have left the queue")
    [warning] = told(host, "bob@here.test")
    assert warning["Subject"] == "Your message is delayed"
    assert list(warning.iter_parts())[1].get_payload()[1]["Action"] == "delayed"
    assert admin.mail.show(queue_id).warned_at is not None


@pytest.mark.spec("5: edit a wrong recipient address")
def test_a_corrected_address_gets_the_mail(admin: Server, host: ScriptedSmtp, house: House) -> None:
    queue_id = submit(admin, "gone6@y.test")
    wait_until(lambda: state(admin, queue_id) == [State.failed], what="the failure")
    data = str(house.server.data)
    refused = run("mail", "edit-recipient", queue_id, "gone6@y.test", "no address", "--data", data)
    assert (refused.code, "is not of the form name@domain" in refused.err) == (2, True)
    done = run("mail", "edit-recipient", queue_id, "gone6@y.test", "found@y.test", "--data", data)
    assert (done.code, done.out) == (0, f"{queue_id}  found@y.test is deferred\n")
    wait_until(lambda: ("found@y.test",) in [m.rcpt_tos for m in host.messages], what="the mail")
    wait_until(lambda: admin.mail.history(recipient="found@y.test").total == 1, what="its line of history")


@pytest.mark.spec("5: verbs for all mail that a filter finds, counted first")
def test_verbs_by_filter_in_python_and_on_the_command_line(admin: Server, house: House) -> None:
    admin.options.set({"sending.paused": True})
    for number in range(12):
        submit(admin, f"r{number}@{'wide' if number % 3 else 'narrow'}.test")
    narrow = admin.mail.where(domain="narrow.test")
    counted = narrow.count("hold")
    assert (counted.messages, counted.applies, counted.recipients) == (4, 4, 4)
    job = narrow.hold().wait()
    assert (job.words, job.database) == ("4 messages were held.", "")
    assert admin.mail.summary().states[State.held] == 4
    command = ("mail", "delete", "--domain", "narrow.test", "--data", str(house.server.data))
    asked = run(*command)
    assert (asked.code, "Delete 4 messages (4 held)?" in asked.err) == (2, True)
    assert admin.mail.where().count("delete").applies == 12
    assert run(*command, "--yes").out == "4 messages were deleted.\n"
    assert admin.mail.list().total == 8
    assert run("mail", "undelete", *command[2:]).out == "4 messages were brought back.\n"
    assert [admin.mail.list(one).total for one in ("queued", "held")] == [8, 4]
    record = admin.audit.list(limit=1).records[0]
    assert (record.operation, record.subject, record.after["domain"]) == ("mail.bulk", "undelete", "narrow.test")


@pytest.mark.spec("13: queue by cause: diagnosis × destination × age, with the next step")
@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
@pytest.mark.spec("5: the queue as a whole carries a diagnosis: in health, by cause, as grave as it is")
def test_a_group_is_counted_deleted_and_brought_back_and_health_tells_of_it(admin: Server, house: House) -> None:
    admin.options.set({"sending.smtp.port": free_port()})
    for number in range(5):
        submit(admin, f"r{number}@{'one' if number % 2 else 'two'}.test")
    wait_until(lambda: admin.mail.list("deferred", cause="host_unreachable").total == 5, what="the failures")
    port = admin.options.get().value("sending.smtp.port")
    group = admin.mail.groups()["host_unreachable"]
    assert [(part.destination, part.messages) for part in group.parts] == [(f"127.0.0.1:{port}", 5)]
    before = [admin.mail.show(one.queue_id) for one in admin.mail.each()]
    (found,) = [one for one in admin.health().findings if one.option == "sending.smtp.host"]
    assert (found.severity, found.words[:15]) == ("warning", "5 messages wait")
    house.sql(f"UPDATE messages SET queued_at = queued_at - {2 * HOUR}")
    (found,) = [one for one in admin.health().findings if one.option == "sending.smtp.host"]
    assert (found.severity, found.words[:37]) == ("error", "5 messages wait, the oldest for 2 h: ")
    doctor = run("doctor", "--data", str(house.server.data))
    assert (doctor.code, "5 messages wait, the oldest" in " ".join(doctor.out.split())) == (1, True)
    house.sql(f"UPDATE messages SET queued_at = queued_at + {2 * HOUR}")
    assert group.where.count("delete").applies == 5
    job = group.where.delete().wait()
    admin.options.set({"sending.paused": True})  # which gives all mail that waits another cause
    undone = run("mail", "undelete", "--deletion", str(job.job_id), "--data", str(house.server.data))
    assert undone.out == "5 messages were brought back.\n"
    admin.options.set({"sending.paused": False})
    assert [admin.mail.show(one.queue_id) for one in admin.mail.each()] == before


@pytest.mark.spec("5: sent mail leaves a line of history (when, who, Message-ID, host, reply, tries)")
@pytest.mark.spec("5: history with retention that cannot touch unsent mail")
def test_old_history_goes_by_itself_and_unsent_mail_stays(admin: Server, house: House) -> None:
    submit(admin, "old@y.test", sender="carl@here.test")
    unsent = submit(admin, "later2@y.test")
    wait_until(lambda: admin.mail.history(recipient="old@y.test").total == 1, what="the history")
    wait_until(lambda: state(admin, unsent) == [State.deferred], what="the deferral")
    [line] = admin.mail.history(sender="carl@", message_id="m@here").sent
    assert (line.recipient, line.tries, line.reply[:3]) == ("old@y.test", 1, "250")
    shown = run("mail", "history", "--to", "old@y.test", "--data", str(house.server.data))
    assert "carl@here.test" in shown.out
    house.sql(f"UPDATE history SET sent_at = sent_at - {100 * 24 * HOUR}")
    house.sql(f"UPDATE messages SET queued_at = queued_at - {100 * 24 * HOUR}")
    house.sql(f"UPDATE attempts SET started_at = started_at - {100 * 24 * HOUR}, ended_at = started_at")
    before = admin.mail.show(unsent)
    admin.options.set({"sending.history_days": 99})
    wait_until(lambda: admin.mail.history().total == 0, what="the retention")
    after = admin.mail.show(unsent)
    assert (after.recipients, after.attempts) == (before.recipients, before.attempts)
    assert admin.mail.raw(unsent)


@pytest.mark.spec("5: why is it stuck: the fix at hand, shown before it is applied")
def test_what_a_diagnosis_offers_is_applied(admin: Server, house: House, host: ScriptedSmtp) -> None:
    data = str(house.server.data)
    admin.options.set({"sending.paused": True})
    queue_id = submit(admin, "anna@fix.test", sender="x@y.test")
    fix = admin.mail.list().messages[0].diagnosis.fix
    assert fix is not None
    assert (fix.operation, fix.changes) == ("options.set", {"sending.paused": False})
    refused = run("mail", "fix", queue_id, "--data", data)
    assert "Sending is paused: yes → no\nSwitch sending on again?" in refused.err
    assert admin.options.get().value("sending.paused") is True, "it only asked"
    done = run("mail", "fix", queue_id, "--yes", "--data", data)
    assert done.out.endswith("Switch sending on again: done. 1 option changed.\n")
    wait_until(lambda: host.messages and host.messages[-1].rcpt_tos == ("anna@fix.test",), what="the mail to leave")
    with pytest.raises(Conflict, match="are like that already"):
        admin.apply(fix)

    admin.options.set({"sending.paused": True})
    queue_id = submit(admin, "bert@fix.test", sender="x@y.test")
    admin.mail.delete(queue_id)
    for cause in ("deleted", "paused"):
        why = admin.mail.show(queue_id).message.diagnosis
        assert why.cause == cause
        assert why.fix is not None
        admin.apply(why.fix)
    wait_until(lambda: host.messages[-1].rcpt_tos == ("bert@fix.test",), what="the mail to leave")
    with pytest.raises(Conflict, match=r"No certificate of nowhere\.test:25 waits to be trusted"):
        admin.apply(FixView(operation="trust.add", words="Trust it", host="nowhere.test", port=25))

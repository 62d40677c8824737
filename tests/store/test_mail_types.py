"""Recipients with MAPI addresses in the queue, on both databases; and what a machine does not allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, LATER
from tests.store.test_log_digest import collect
from trackkit.contract import audit as audit_contract
from trackkit.contract import mail as contract
from trackkit.contract import options as options_contract
from trackkit.contract.mail_history import ListSent
from trackkit.contract.operation import Nothing
from trackkit.domain import option_file
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import Severity
from trackkit.domain.message import BY_MAPI, MailType
from trackkit.domain.options import Options, changed
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.services import audit, health, mail, mail_listing, mapi_profiles, option_files, options
from trackkit.services.delivery import Attempted, DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.log_digest import mail_log
from trackkit.services.machine import Machine
from trackkit.services.mail_history import list_sent
from trackkit.services.mail_recipients import edit_recipient

UNKNOWN = Outcome(Verdict.permanent, Stage.recipient, Failure.mapi_recipient, text="the address book does not know it")


@pytest.fixture
def environment(environment: Environment) -> Environment:
    """A server on a machine with MAPI."""
    object.__setattr__(environment, "machine", replace(environment.machine, mapi_library="/lib/mapi.so"))
    return environment


def _submit(admin: AsUser, *to: str, mapi: tuple[str, ...] = ()) -> str:
    request = contract.Submit.model_construct(
        message=b"Subject: x\r\n\r\n", sender="s@example.org", recipients=to, mapi_recipients=mapi
    )
    return mail.submit(admin(), request).queue_id


def _show(admin: AsUser, queue_id: str) -> contract.MessageDetail:
    return mail.show(admin(), contract.OneMessage(queue_id=queue_id))


def _claimed(queue: DeliveryQueue, besides: frozenset[str] = frozenset()) -> list[tuple[str, MailType]]:
    return [(r.address, r.mail_type) for claimed in queue.claim(10, besides) for r in claimed.recipients]


@pytest.mark.spec("5: mail type Internet or MAPI for each recipient: each goes its own way")
def test_a_message_has_recipients_of_both_types(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    admin.set({"sending.mapi.enabled": True})
    queue_id = _submit(admin, "a@example.org", mapi=(" Bill Jones ", "bill@example.org", "Nobody"))
    assert [(r.address, r.mail_type) for r in _show(admin, queue_id).recipients] == [
        ("a@example.org", "internet"),
        ("Bill Jones", "mapi"),
        ("bill@example.org", "mapi"),
        ("Nobody", "mapi"),
    ]
    [claimed] = queue.claim(10)
    found = (LATER, ACCEPTED, ACCEPTED, UNKNOWN)
    outcomes = {r.recipient_id: outcome for r, outcome in zip(claimed.recipients, found, strict=True)}
    queue.settle([Attempted(claimed, clock(), clock(), "MAPI", outcomes, "")])
    shown = {r.address: r for r in _show(admin, queue_id).recipients}
    assert shown["Nobody"].diagnosis.cause == "mapi_recipient"
    assert {line.recipient for line in list_sent(admin(), ListSent()).sent} == {"Bill Jones", "bill@example.org"}
    edited = edit_recipient(admin(), contract.EditRecipient(queue_id=queue_id, address="Nobody", new_address="Ann B"))
    assert edited.address == "Ann B"
    with pytest.raises(InvalidInput):
        edit_recipient(admin(), contract.EditRecipient(queue_id=queue_id, address="a@example.org", new_address="Ann C"))
    assert set(_claimed(queue)) == {("Ann B", MailType.mapi), ("s@example.org", MailType.internet)}
    told = [one for one in _list(admin).messages if one.sender == ""]
    assert "x-mapi; Nobody" in mail.raw(admin(), contract.OneMessage(queue_id=told[0].queue_id)).message.decode()


@pytest.mark.parametrize("name", ["Jörg", "FAX:Ü@Büro", "Jo\u0308rg"])
def test_a_name_of_mapis_is_kept_as_it_is_and_can_be_corrected(admin: AsUser, name: str) -> None:
    queue_id = _submit(admin, mapi=("Ann", name))

    def edit(old: str, new: str) -> str:
        request = contract.EditRecipient(queue_id=queue_id, address=old, new_address=new)
        return edit_recipient(admin(), request).address

    with pytest.raises(InvalidInput, match="a recipient of this message already"):
        edit("Ann", f"{name} ")
    assert edit(name, "Bill") == "Bill"
    assert edit("Bill", f" {name}") == name
    assert [r.address for r in _show(admin, queue_id).recipients] == ["Ann", name]


def _list(admin: AsUser, **wanted: object) -> contract.QueuePage:
    return mail_listing.list_queue(admin(), contract.ListQueue(**wanted))


@pytest.mark.parametrize(
    ("to", "mapi", "field"),
    [
        ((), (), "recipients"),
        ((), ("",), "mapi_recipients[0]"),
        ((), ("a\nb",), "mapi_recipients[0]"),
        (("a@example.org",), ("x", "a@example.org"), "mapi_recipients[1]"),
        (("Bill Jones",), ("x",), "recipients[0]"),
        (("a@example.org",), tuple(map(str, range(1000))), "recipients"),
        ((), ("x" * 300,), "mapi_recipients[0]"),
    ],
)
def test_what_is_no_address_is_refused(admin: AsUser, to: tuple[str, ...], mapi: tuple[str, ...], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _submit(admin, *to, mapi=mapi)
    assert refused.value.problems[0].field == field


@pytest.mark.spec("7: MAPI: a pause of its own")
def test_only_what_may_leave_is_claimed(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    both = _submit(admin, "a@example.org", mapi=("Bill",))
    assert _claimed(queue) == [("a@example.org", MailType.internet)], "MAPI is not switched on"
    assert _show(admin, both).recipients[1].diagnosis.cause == "mapi_off"
    admin.set({"sending.mapi.enabled": True, "sending.mapi.paused": True})
    assert _claimed(queue) == []
    assert queue.next_due_at() is None, "what cannot leave does not keep anybody looking"
    assert _show(admin, both).recipients[1].diagnosis.cause == "mapi_paused"
    admin.set({"sending.mapi.paused": False, "sending.paused": True})
    assert queue.next_due_at() == clock()
    _submit(admin, "b@example.org")
    assert _claimed(queue, frozenset({BY_MAPI})) == [], "its line is long enough"
    assert _claimed(queue) == [("Bill", MailType.mapi)]
    counted = mail_listing.summarise(admin(), Nothing()).causes
    assert {cause.diagnosis.cause: cause.messages for cause in counted} == {"paused": 1, "sending": 1}
    assert [one.state for one in _list(admin, cause="paused").messages] == [State.queued]


def test_causes_are_told_apart_by_type(queue: DeliveryQueue, admin: AsUser) -> None:
    admin.set({"sending.mapi.enabled": True, "sending.mapi.paused": True, "sending.paused": True})
    plain, by_mapi = _submit(admin, "a@example.org"), _submit(admin, mapi=("Bill",))
    for cause, queue_id in (("paused", plain), ("mapi_paused", by_mapi)):
        assert [one.queue_id for one in _list(admin, cause=cause).messages] == [queue_id]


def test_log_entries_go_to_a_mapi_address(environment: Environment, admin: AsUser, clock: Clock) -> None:
    admin.set(
        {
            "sending.mapi.enabled": True,
            "log.email_level": "error",
            "log.email_to": "Admins, all of them",
            "log.email_address_type": "mapi",
            "log.email_window_seconds": 60,
        }
    )
    environment.log.write(Severity.error, "test", "trouble")
    collect(environment)
    clock.forward(minutes=5)
    mail_log(environment)
    [one] = _list(admin).messages
    [recipient] = _show(admin, one.queue_id).recipients
    assert (recipient.address, recipient.mail_type) == ("Admins, all of them", MailType.mapi)
    raw = mail.raw(admin(), contract.OneMessage(queue_id=one.queue_id)).message
    assert b"\nTo:" not in raw
    assert b"From: trackkit <trackkit@trackkit.invalid>" in raw


def test_the_profiles_of_the_machine_are_told_with_the_option(admin: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapi_profiles, "names", lambda: ["Old", "Work"])
    notes = options.get_options(admin(), Nothing()).notes
    assert notes == {"sending.mapi.profile": "Profiles on the server machine: Old, Work."}


@pytest.mark.spec("7: pickup folder: only below folders that the server machine names, never in the server's own data")
def test_the_api_cannot_make_the_server_write_anywhere(environment: Environment, admin: AsUser, tmp_path: Path) -> None:
    folder = tmp_path / "allowed" / "pickup"
    folder.mkdir(parents=True)
    wanted = {"sending.method": "pickup", "sending.pickup.folder": str(folder)}
    file = option_file.written(changed(Options(), wanted), everything=False)
    with pytest.raises(InvalidInput, match="pickup-roots"):
        admin.set(wanted)
    with pytest.raises(InvalidInput, match="pickup-roots"):
        option_files.plan_options(admin(), options_contract.PlanOptions(text=file))
    with pytest.raises(InvalidInput, match="pickup-roots"):
        option_files.apply_options(admin(), options_contract.ApplyOptions(text=file))
    assert environment.options.current.sending.method == "smtp"
    object.__setattr__(environment, "machine", Machine(environment.data, (str(tmp_path),), mapi_library=""))
    with pytest.raises(InvalidInput, match="data folder"):
        admin.set({**wanted, "sending.pickup.folder": str(environment.data / "backups")})
    admin.set(wanted)
    folder.rename(folder.with_name("away"))
    [finding] = [f for f in health.health(admin(), Nothing()).findings if f.option == "sending.pickup.folder"]
    assert ("is not there" in finding.words, finding.operation) == (True, "options.set")
    admin.set({"sending.paused": True})  # what is there already hinders no other change
    with pytest.raises(InvalidInput, match="needs Windows"):
        admin.set({"sending.mapi.enabled": True})
    found = audit.list_audit(admin(), audit_contract.ListAudit(limit=20)).records
    assert [record.operation for record in found].count("options.set") == 2, "refusals change nothing"
    assert options.get_options(admin(), Nothing()).notes == {}

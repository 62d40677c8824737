"""The trust list in the database: what did not verify is kept within bounds, trust counts at every worker at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.certificates import DAY, Made, authority, certificate
from tests.ports import wait_until
from tests.store.conftest import AsUser, Clock
from tests.untrusted import seen
from trackkit.contract import mail as mail_contract
from trackkit.contract import trust as contract
from trackkit.contract.audit import ListAudit
from trackkit.contract.log import ListLog
from trackkit.contract.operation import Nothing
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.jobs import JobKind
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.trust import AskedBy, Reason, Seen
from trackkit.services import audit, health, log, mail, trust
from trackkit.services.attempts import Attempted, Claimed
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.jobs import Outcome as JobOutcome
from trackkit.services.trust_cache import TrustCache
from trackkit.store import trust as stored

HOST, PORT = "mail.example.org", 25
ONE = certificate(HOST)


def untrusted(one: Seen) -> Outcome:
    return Outcome(Verdict.temporary, Stage.certificate, Failure.tls_untrusted, text="it does not", certificate=one)


def submit(admin: AsUser, *to: str) -> None:
    request = mail_contract.Submit.model_construct(message=b"Subject: x\r\n\r\n", sender="", recipients=to)
    mail.submit(admin(), request)


def failed(queue: DeliveryQueue, clock: Clock, outcome: Outcome) -> list[Claimed]:
    claimed = queue.claim(1000)
    for one in claimed:
        found = {recipient.recipient_id: outcome for recipient in one.recipients}
        queue.settle([Attempted(one, clock(), clock(), f"{HOST}:{PORT}", found, "")])
    return claimed


def waited(stop: threading.Event) -> JobOutcome:
    assert stop.wait(60)
    return JobOutcome("Done.")


def lists(admin: AsUser) -> contract.TrustList:
    return trust.list_trust(admin(), Nothing())


def record(environment: Environment, *found: Seen) -> None:
    environment.store.write(lambda connection: trust.record(connection, found))


def upload(admin: AsUser, made: Made, host: str = "", port: int = 0, *, preview: bool = False) -> contract.Added:
    request = contract.UploadTrust.model_construct(certificate=made.pem, host=host, port=port, preview=preview)
    return trust.upload_trust(admin(), request)


def warnings(environment: Environment, admin: AsUser) -> list[str]:
    environment.log.flush()
    found = log.list_log(admin(), ListLog(limit=500)).entries
    return [entry.message for entry in found if entry.source == trust.SOURCE and entry.level == "warning"]


@pytest.mark.spec(
    "7: trust: a certificate that does not verify in a delivery is listed with all it says, host and reason"
)
def test_a_delivery_that_fails_leaves_the_certificate_once_for_all_its_mails(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    first = seen(ONE, HOST.upper(), PORT, at=clock())
    for number in range(30):
        submit(admin, f"{number}@example.net")
    assert len(failed(queue, clock, untrusted(first))) == 30
    (found,) = lists(admin).untrusted
    assert (found.host, found.port, found.times) == (HOST, PORT, 1)
    assert (found.subject, found.names, found.fingerprint) == (f"CN={HOST}", (HOST,), ONE.fingerprint)
    assert (found.valid_from, found.valid_until) == (
        ONE.certificate.not_valid_before_utc,
        ONE.certificate.not_valid_after_utc,
    )
    assert found.pem.encode() == ONE.pem
    assert (found.reason, found.details, found.first_seen_at) == (Reason.self_signed, first.details, clock())
    clock.forward(minutes=30)
    record(admin.environment, seen(ONE, HOST, PORT, Reason.expired, at=clock()))
    record(admin.environment, first)
    (again,) = lists(admin).untrusted
    assert (again.times, again.reason, again.last_seen_at) == (2, Reason.expired, clock())
    assert again.first_seen_at == found.first_seen_at


def test_hosts_that_show_another_one_each_time_push_out_only_their_own(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    shown = [certificate("flood.example") for _ in range(stored.MOST_OF_A_HOST + 3)]
    for made in shown:
        clock.forward(seconds=1)
        record(environment, seen(made, "flood.example", 25, at=clock()))
    found = lists(admin).untrusted
    assert [one.fingerprint for one in found[:-1]] == [
        made.fingerprint for made in shown[: -stored.MOST_OF_A_HOST - 1 : -1]
    ]
    assert found[-1].fingerprint == ONE.fingerprint


def test_all_together_are_bounded_and_the_trusted_ones_stay(
    environment: Environment, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_UNTRUSTED", 5)
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    trust.add_trust(admin(), contract.AddTrust(certificate_id=lists(admin).untrusted[0].certificate_id))
    for port in range(1, 9):
        clock.forward(seconds=1)
        record(environment, seen(ONE, "other.example", port, at=clock()))
    found = lists(admin)
    assert [one.port for one in found.untrusted] == [8, 7, 6, 5, 4]
    assert [one.fingerprint for one in found.trusted] == [ONE.fingerprint]


@pytest.mark.spec("7: trust: one click trusts it for that host and port and moves it to the trusted ones")
def test_one_click_moves_it_and_makes_the_mail_due_that_waits(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    submit(admin, "a@example.net")
    failed(queue, clock, untrusted(seen(ONE, HOST, PORT, at=clock())))
    submit(admin, "b@example.net")
    failed(queue, clock, Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="refused"))
    (listed,) = lists(admin).untrusted
    woken: list[str] = []
    environment.on_mail.append(lambda: woken.append("woken"))
    added = trust.add_trust(admin(), contract.AddTrust(certificate_id=listed.certificate_id))
    assert (added.reattempted, added.advice, added.certificate.trusted_by) == (1, "", "admin")
    assert woken
    assert [one.digest for one in queue.trusted()] == [environment.trust.current[0].digest]
    wait_until(lambda: len(queue.claim(10)) == 1, what="the mail that waited for it to be due")
    found = lists(admin)
    assert (found.untrusted, [one.certificate_id for one in found.trusted]) == ((), [listed.certificate_id])
    assert not found.trusted[0].uploaded
    with pytest.raises(Conflict, match="trusted already"):
        trust.add_trust(admin(), contract.AddTrust(certificate_id=listed.certificate_id))
    clock.forward(minutes=1)
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    assert lists(admin) == found, "what an attempt that was under way tells late changes nothing"


def test_where_mail_cannot_be_made_due_it_says_what_is_left_to_do(
    queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    submit(admin, "a@example.net")
    failed(queue, clock, untrusted(seen(ONE, HOST, PORT, at=clock())))
    stop = threading.Event()
    admin.environment.jobs.start(kind=JobKind.mail, database="", username="admin", work=lambda progress: waited(stop))
    added = upload(admin, ONE, HOST, PORT)
    stop.set()
    assert added.reattempted == 0
    assert "1 message could not be made due now" in added.advice
    admin.set({"sending.paused": True})
    assert upload(admin, authority()).advice.startswith("Sending is paused")


@pytest.mark.parametrize("asked_by", [AskedBy.mta_sts, AskedBy.dane])
def test_what_a_domain_asks_for_is_listed_and_not_overruled(
    environment: Environment, admin: AsUser, clock: Clock, asked_by: AskedBy
) -> None:
    record(environment, seen(ONE, HOST, PORT, asked_by=asked_by, at=clock()), seen(ONE, HOST, PORT, at=clock()))
    found = {one.asked_by: one for one in lists(admin).untrusted}
    assert asked_by in found[asked_by].refusal
    assert found[AskedBy.server].refusal == ""
    with pytest.raises(Conflict, match="recipient's domain"):
        trust.add_trust(admin(), contract.AddTrust(certificate_id=found[asked_by].certificate_id))
    assert lists(admin).trusted == ()


def test_trust_taken_back_and_given_is_in_the_audit(environment: Environment, admin: AsUser, clock: Clock) -> None:
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    number = lists(admin).untrusted[0].certificate_id
    trust.add_trust(admin(), contract.AddTrust(certificate_id=number))
    removed = trust.remove_trust(admin(), contract.RemoveTrust(certificate_id=number))
    assert removed.was_trusted
    assert environment.trust.current == ()
    assert lists(admin) == contract.TrustList(untrusted=(), trusted=())
    for request in (contract.RemoveTrust(certificate_id=number), contract.RemoveTrust(certificate_id=10**9)):
        with pytest.raises(NotFound):
            trust.remove_trust(admin(), request)
    records = audit.list_audit(admin(), ListAudit()).records[:2]
    assert [one.operation for one in records] == ["trust.remove", "trust.add"]
    assert records[0].before["fingerprint"] == records[1].after["fingerprint"] == ONE.fingerprint
    assert f"{HOST}:{PORT}" in records[0].subject


def test_who_takes_one_out_while_it_is_being_trusted_takes_out_a_trusted_one(
    environment: Environment, admin: AsUser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever trusts it is told that it is trusted, and it is not."""
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    number = lists(admin).untrusted[0].certificate_id
    looked_at, set_trusted = threading.Event(), stored.set_trusted

    def slowly(*what: Any) -> None:
        looked_at.set()
        time.sleep(0.5)
        set_trusted(*what)

    monkeypatch.setattr(stored, "set_trusted", slowly)
    with ThreadPoolExecutor(1) as another:
        adding = another.submit(trust.add_trust, admin(), contract.AddTrust(certificate_id=number))
        assert looked_at.wait(60)
        assert trust.remove_trust(admin(), contract.RemoveTrust(certificate_id=number)).was_trusted
        assert adding.result().certificate.certificate_id == number
    assert environment.trust.current == ()


@pytest.mark.spec("7: trust: the trusted ones are listed, removed, and uploaded as PEM or DER, certificate or CA")
def test_files_are_described_then_trusted_for_their_place(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    record(environment, seen(ONE, HOST, PORT, at=clock()))
    assert upload(admin, ONE, HOST, PORT, preview=True).certificate.fingerprint == ONE.fingerprint
    assert len(lists(admin).untrusted) == 1, "nothing was changed"
    added = upload(admin, ONE, HOST, PORT)
    assert (added.certificate.is_authority, added.certificate.uploaded) == (False, True)
    assert lists(admin).untrusted == (), "it has moved"
    root = authority("Ours")
    assert upload(admin, root).certificate.is_authority
    assert upload(admin, root, HOST, PORT).certificate.host == HOST
    with pytest.raises(Conflict, match="every host"):
        upload(admin, root)
    with pytest.raises(InvalidInput, match="host"):
        upload(admin, certificate())
    assert [one.is_authority for one in environment.trust.current] == [False, True, True]
    assert [one.host for one in lists(admin).trusted] == [HOST, "", HOST]


def test_another_worker_sees_the_change_and_sends_nothing_before(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock, database_url: str | None
) -> None:
    """Else mail that is due because of it could fail once more for want of it."""
    other = replace(environment, trust=TrustCache(environment.store))
    worker = DeliveryQueue(other, "another")
    worker.join()
    submit(admin, "a@example.net")
    upload(admin, authority())
    if database_url is not None:  # on SQLite there is one process only
        assert worker.claim(10) == []
    else:
        assert other.trust.follow()
    assert worker.trusted() == queue.trusted() != ()
    assert len(worker.claim(10)) == 1
    assert not other.trust.follow()
    trust.remove_trust(admin(), contract.RemoveTrust(certificate_id=lists(admin).trusted[0].certificate_id))
    assert other.follow()
    assert worker.trusted() == ()


@pytest.mark.spec("7: trust: a trusted certificate that ends is warned about ahead and on the day")
def test_the_end_is_warned_about_ahead_and_on_the_day(environment: Environment, admin: AsUser, clock: Clock) -> None:
    ends = clock() + timedelta(days=40)
    root = authority("Ours")
    ending = certificate(HOST, root, valid=(clock() - DAY, ends))
    over = certificate("old.example", valid=(clock() - 9 * DAY, clock() - DAY))
    upload(admin, ending, HOST, PORT)
    upload(admin, over, "old.example", 25)
    expected = []
    for day in range(45):
        trust.warn_of_certificates(environment)
        trust.warn_of_certificates(environment)
        if day in (10, 33, 40, 41):
            expected.append(day)
        told = [words for words in warnings(environment, admin) if HOST in words]
        assert len(told) == len(expected), day
        clock.forward(days=1)
    assert not [words for words in warnings(environment, admin) if "old.example" in words], "it was trusted as it was"
    found = [one for one in health.health(admin(), Nothing()).findings if one.subject.startswith("certificate")]
    assert [one.severity for one in found] == ["warning"]
    assert "It stays trusted" in found[0].words

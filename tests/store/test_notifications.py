"""Notification rules at work: with the change, once, to whom they name, and never in its way; on both databases."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import update

from tests.ports import wait_until
from tests.store.conftest import AsUser, Clock
from tests.store.shop import NAME, Shop
from trackkit.contract.databases import EditDatabase
from trackkit.contract.log import ListLog
from trackkit.contract.project import ImportItems, SubmitDefect
from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking.carriers import untagged
from trackkit.services import databases, log, notifications, project_import, submissions
from trackkit.services.environment import Environment
from trackkit.store import project_emails
from trackkit.store.tracking_tables import project_mail


@pytest.fixture
def shop(environment: Environment, clock: Clock, admin: AsUser) -> Shop:
    return Shop(environment, clock, admin)


def warnings(shop: Shop) -> list[str]:
    """What the log has to say about notifications, the oldest first."""
    shop.environment.log.flush()
    found = log.list_log(shop.admin(), ListLog(oldest_first=True)).entries
    return [entry.message for entry in found if entry.source == notifications.SOURCE]


def told(shop: Shop) -> list[tuple[str, str]]:
    """Who got mail, and its subject without the tag."""
    return [(", ".join(to), untagged(subject)) for _, to, subject, _ in shop.queued()]


def test_whoever_a_rule_names_is_told_of_the_change(shop: Shop) -> None:
    shop.add("rule", name="Mine", event="assigned", recipients=["owner"], tracked=True)
    shop.add("rule", name="All", event="status", recipients=["reporter", "chen", "owner"])
    shop.add("defect", title="Crash", owner="ana", reporter="ben")
    shop.edit("defect", "1", by="ana", status="open", owner="ben")
    shop.edit("defect", "1", by="ben", title="Crash at start")  # neither assigned nor another status
    assert told(shop) == [
        ("ana@example.org", "Assigned to you: Defect 1: Crash"),
        ("ben@example.org", "Assigned to you: Defect 1: Crash"),  # once, although two rules name him
    ]
    (back, _, subject, raw), *_ = shop.queued()
    message = message_from_bytes(raw)
    assert message["From"] == "Shop <shop@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == back
    assert back.startswith("track+")
    assert subject != untagged(subject)
    email = shop.environment.projects.open(NAME).read(lambda connection: project_emails.find(connection, 1))
    assert email is not None
    assert (email.origin, email.record, email.sender) == ("notification", "defect 1", "shop@example.org")
    assert (email.queue_id, [one.address for one in email.recipients]) == ("Q1", ["ana@example.org"])
    assert warnings(shop) == ["The rule 'All' could not tell the user chen: no valid e-mail address."]


def test_one_s_own_template_is_used_and_a_bad_one_keeps_nothing_from_being_changed(shop: Shop) -> None:
    shop.add(
        "template",
        name="Ours",
        subject="{{ user.full_name }}: {{ record.number }}",
        body="{{ record.due_on | date('%Y') }}",
    )
    shop.add("rule", name="Changes", event="changed", recipients=["ana"], template="Ours")
    shop.add("defect", title="Crash", due_on="2026-12-31")
    shop.edit("defect", "1", by="ben", priority="high")
    ((back, _, subject, raw),) = shop.queued()
    assert (back, subject) == ("shop@example.org", "ben: 1")  # untracked: replies go to the notification account
    assert message_from_bytes(raw).get_payload() == "2026\r\n"
    shop.edit("template", "Ours", body="{{ record.title | date }}")  # fits no title, which only shows when it is used
    assert shop.edit("defect", "1", by="ben", priority="low").values["priority"] == "low"
    assert len(shop.queued()) == 1
    assert "could not tell of defect 1: The template 'Ours' cannot be used" in warnings(shop)[0]


def test_a_secret_that_cannot_be_read_keeps_nothing_from_being_changed(shop: Shop) -> None:
    shop.set_mail(**{"mailbox.username": "own", "mailbox.password": "of its own"})
    shop.add("rule", name="New", event="created", recipients=["ana"], tracked=True)
    shop.environment.store.write(
        lambda connection: connection.execute(update(project_mail).values(sealed_password=b"x"))
    )
    shop.add("defect", title="Crash")
    databases.edit_database(shop.admin(), EditDatabase(database=NAME, settings={"solosubmit": True}))
    request = SubmitDefect(database=NAME, title="It stops", description="x", email="visitor@elsewhere.example")
    assert submissions.submit_defect(shop.call(), request).number == 2
    assert shop.queued() == []
    words = warnings(shop)[0]
    assert "Nobody is told of changes in shop" in words
    assert "secret.key does not fit" in words


def test_what_switches_mail_off_switches_notifications_off(shop: Shop) -> None:
    shop.add("rule", name="New", event="created", recipients=["ana"])
    shop.set_mail(notification_address="")
    shop.add("defect", title="Nobody is told")
    shop.set_mail(notification_address="shop@example.org")
    databases.edit_database(shop.admin(), EditDatabase(database=NAME, settings={"sending": False}))
    shop.add("defect", title="Nobody is told")
    shop.edit("rule", "New", active=False)
    databases.edit_database(shop.admin(), EditDatabase(database=NAME, settings={"sending": True}))
    shop.add("defect", title="Nobody is told")
    shop.edit("rule", "New", active=True, record_kind="requirement")
    shop.add("defect", title="Nobody is told")
    shop.add("requirement", title="Somebody is")
    assert told(shop) == [("ana@example.org", "New: Requirement 1: Somebody is")]


def test_what_is_overdue_is_told_once_for_each_due_date(shop: Shop, clock: Clock) -> None:
    shop.add("rule", name="Late", event="overdue", recipients=["owner"])
    today = clock().astimezone(shop.environment.zone).date()
    shop.add("defect", title="Late", owner="ana", due_on=(today - timedelta(days=1)).isoformat())
    shop.add("defect", title="Today", owner="ana", due_on=today.isoformat())
    shop.add("defect", title="Done", owner="ana", status="closed", due_on="2026-01-01")
    for _ in range(2):
        notifications.tell_overdue(shop.environment)
    assert told(shop) == [("ana@example.org", "Overdue: Defect 1: Late")]
    clock.forward(days=1)
    shop.edit("defect", "1", due_on=today.isoformat())
    notifications.tell_overdue(shop.environment)
    assert [subject for _, subject in told(shop)] == [
        f"Overdue: Defect {one}" for one in ("1: Late", "1: Late", "2: Today")
    ]


def test_a_large_import_does_not_bury_anybody(shop: Shop) -> None:
    shop.add("rule", name="New", event="created", recipients=["ana"])
    rows = [[f"Defect {number}"] for number in range(notifications.MOST + 20)]
    call = shop.call("ben")
    job = project_import.import_items(call, ImportItems(kind=Kind.defect, columns=["title"], rows=rows))
    wait_until(lambda: shop.environment.jobs.show(job.job_id).state == "done", what="the import")
    assert len(shop.queued()) == notifications.MOST
    assert warnings(shop) == [
        f"20 notifications of {NAME} were left out: there were more than {notifications.MOST} at once."
    ]


def test_a_change_that_is_refused_tells_nobody(shop: Shop) -> None:
    shop.add("rule", name="New", event="created", recipients=["ana"])
    with pytest.raises(Exception, match="refused"):
        shop.add("defect", title="Crash", owner="nobody of that name")
    assert shop.queued() == []

"""Probe mails: how often they go, and what is said of one that does not come back; on both databases."""

from __future__ import annotations

import pytest

from tests.store.conftest import AsUser, Clock
from tests.store.shop import Shop
from trackkit.contract.tracking import OfProject
from trackkit.domain.errors import Conflict
from trackkit.services import round_trip, tracking_health
from trackkit.services.environment import Environment
from trackkit.store import inbox_decisions


@pytest.fixture
def shop(environment: Environment, clock: Clock, admin: AsUser) -> Shop:
    return Shop(environment, clock, admin)


def missing(shop: Shop) -> list[str]:
    return [one.words for one in tracking_health.findings(shop.environment) if one.subject.startswith("round trip")]


def test_they_go_as_often_as_is_wanted_to_every_account(shop: Shop, clock: Clock, admin: AsUser) -> None:
    round_trip.send_due(shop.environment)
    assert shop.queued() == []
    admin.set({"tracking.round_trip_hours": 3})
    shop.set_mail(**{"mailbox.username": "own", "mailbox.password": "x", "mailbox.address": "own@example.org"})
    for _ in range(2):
        round_trip.send_due(shop.environment)
    gone = {(sender, *to) for sender, to, _, _ in shop.queued()}
    assert gone == {("", "own@example.org"), ("", "track@example.org")}
    assert len(shop.queued()) == 2
    clock.forward(hours=3)
    round_trip.send_due(shop.environment)
    assert len(shop.queued()) == 4


def test_what_does_not_come_back_is_told_until_one_does(shop: Shop, clock: Clock, admin: AsUser) -> None:
    first = round_trip.send_probe(admin(), OfProject())
    clock.forward(minutes=119)
    assert missing(shop) == []
    clock.forward(minutes=1)
    (words,) = missing(shop)
    assert first.queue_id in words
    assert "is in the mail queue still" in words
    round_trip.send_probe(admin(), OfProject())
    shop.environment.store.write(
        lambda connection: inbox_decisions.returned(connection, _last(shop), clock()),
    )
    clock.forward(hours=3)
    assert missing(shop) == []


def _last(shop: Shop) -> list[str]:
    """The token of the probe that was sent last."""
    raw = shop.queued()[-1][3]
    return [raw.partition(b"<tkprobe.")[2].partition(b"@")[0].decode()]


def test_there_is_none_without_a_way_or_an_account(shop: Shop, admin: AsUser) -> None:
    shop.set_mail(tracking=False)
    with pytest.raises(Conflict, match="off for shop"):
        round_trip.send_probe(admin(), OfProject(database="shop"))
    admin.set({"sending.smtp.host": None})
    with pytest.raises(Conflict, match="by SMTP"):
        round_trip.send_probe(admin(), OfProject())
    assert shop.queued() == []

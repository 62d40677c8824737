"""What helps a group of stuck mail, beyond what a real server is filled with in a test."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from trackkit.client import Server, next_step
from trackkit.client.fixes import Prepared
from trackkit.contract.fixes import FixView
from trackkit.contract.mail import DiagnosisView, QueueIds
from trackkit.domain.fixes import SET_OPTIONS


class Mail:
    """A queue whose mail has failed, and has another cause once the option is put right."""

    def __init__(self, failed: Sequence[str]) -> None:
        self.failed = tuple(failed)
        self.tried: list[tuple[str, ...]] = []

    def where(self, **_: object) -> SimpleNamespace:
        return SimpleNamespace(count=lambda _: SimpleNamespace(messages=0, applies=0))

    def ids(self, before: str | None, limit: int, cause: str) -> QueueIds:
        start = self.failed.index(before) + 1 if before else 0
        page = self.failed[start : start + limit]
        return QueueIds(queue_ids=page, next_before=page[-1] if start + limit < len(self.failed) else None)

    def reattempt(self, queue_ids: tuple[str, ...]) -> None:
        self.tried.append(queue_ids)


def test_all_that_failed_is_tried_again_however_much_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_step, "MAXIMUM_IDS", 2)
    monkeypatch.setattr(next_step, "prepare", lambda *_: Prepared("Change it?", lambda: "Changed."))
    mail = Mail(["Q5", "Q4", "Q3", "Q2", "Q1"])
    fix = FixView(operation=SET_OPTIONS, words="Change it", changes={})
    why = DiagnosisView(cause="address_rejected", title="x", words="x", next_step="x", fix=fix)
    server = cast(Server, SimpleNamespace(mail=mail))
    assert next_step.next_step(server, why, {}).do() == "Changed."
    assert mail.tried == [("Q5", "Q4"), ("Q3", "Q2"), ("Q1",)]

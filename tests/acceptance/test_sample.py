"""The sample database of a fresh server: something to look at, and nothing that could reach anybody."""

from __future__ import annotations

import pytest

from tests.conftest import Start
from trackkit.domain.delivery import State


@pytest.mark.spec("2: the sample database, its mails held and addressed to .invalid")
def test_a_fresh_server_has_a_sample(start: Start) -> None:
    server = start(sample=True)
    (database,) = server.admin.databases.list().databases
    assert database.name == "sample"
    shown = server.admin.databases.show("sample")
    assert all(
        shown.records[kind] for kind in ("defect", "requirement", "requirement_document", "test_case", "test_run")
    )
    assert shown.users > 1
    assert [offered.name for offered in server.admin.submission_databases().databases] == ["sample"]
    page = server.admin.mail.list()
    assert page.total
    for message in page.messages:
        assert message.state is State.held
        recipients = server.admin.mail.show(message.queue_id).recipients
        assert all(recipient.address.endswith(".invalid") for recipient in recipients)
    server.stop()
    server.restart()
    assert len(server.admin.databases.list().databases) == 1
    assert server.admin.mail.list().total == page.total
    server.admin.databases.remove("sample")
    server.stop()
    server.restart()
    assert server.admin.databases.list().databases == ()

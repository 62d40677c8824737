"""Every version ever released can be upgraded from: its frozen data folder starts here with everything in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.peers import answering
from tests.upgrade.freeze import CUSTOMER, HERE, MAILBOX_PASSWORD, PASSWORD, PROJECT
from trackkit.client import Server
from trackkit.domain.delivery import State

VERSIONS = sorted(path.name for path in HERE.iterdir())


def test_there_is_something_to_upgrade_from() -> None:
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_data_folder_opens_with_everything_in_it(version: str, start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(HERE / version, data)
    data.chmod(0o700)
    server = start(data)
    with server.connect("Olga", PASSWORD) as olga:
        assert olga.session().role == "operator"
        messages = {m.subject: m for m in [*olga.mail.list().messages, *olga.mail.list(state="deleted").messages]}
        expected = {"failed": State.failed, "deferred": State.deferred, "held": State.held}
        assert {name: messages[name].state for name in expected} == expected
        assert olga.mail.raw(messages["held"].queue_id).endswith(b"This one is held.\r\n")
        failed = olga.mail.show(messages["failed"].queue_id)
        assert [(r.smtp_code, r.diagnosis.cause) for r in failed.recipients] == [(550, "address_rejected")]
        assert "sent" in [line.subject for line in olga.mail.history().sent]
    options = server.admin.options.get()
    assert (options.value("sending.smtp.host"), options.value("sending.timing.days")) == ("mail.example.org", 9)
    assert {o.name: o.is_set for o in options.options}["sending.smtp.password"]
    assert [token.name for token in server.admin.tokens.list().tokens] == ["script"]
    assert server.admin.log.list(text="frozen-mailbox").total == 0
    assert MAILBOX_PASSWORD.encode() not in (data / "trackkit.db").read_bytes()
    assert server.admin.audit.list().records
    if (HERE / version / "databases").exists():  # since 0.3.0
        with server.admin.project(PROJECT, "administrator", PASSWORD) as project:
            assert project.show("defect", "1").values["title"] == "It freezes"
            (file,) = project.files("defect", "1").files
            assert project.file(file.file_id).content == b"\x00 trace"
        assert [task.name for task in server.admin.tasks.list().tasks] == ["Nightly"]
        assert [one.name for one in server.admin.log.filters.list().filters] == ["Last night"]
    if version not in ("0.1.0", "0.2.0", "0.3.0"):
        _an_answer_finds_its_record(server.admin)


def _an_answer_finds_its_record(admin: Server) -> None:
    """What that version has sent is known by its keys."""
    with admin.project(PROJECT, "administrator", PASSWORD) as project:
        (sent,) = project.mail.list("defect 1").items
        assert (sent.subject, sent.beginning) == ("It freezes", "It freezes, does it?")
        assert sent.queue_id in [message.queue_id for message in admin.mail.list().messages]
        found = admin.tracking.replay(answering.top(project.mail.raw(sent.number), CUSTOMER, "It does."))
    assert (found.state, found.database, found.record, found.email) == ("attached", PROJECT, "defect 1", sent.number)
    assert admin.tracking.settings(PROJECT).values["tracking"]

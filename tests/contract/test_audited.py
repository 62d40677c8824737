"""Every operation declared as audited leaves a record with the name of who did it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import trackkit
from tests import licensed, quarantined, untrusted
from tests.certificates import authority
from tests.conftest import Start
from tests.contract.samples import OPTIONS_FILE, TRACKING
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from trackkit.client import Server
from trackkit.client.jobs import RunningJob
from trackkit.contract.catalogue import OPERATIONS
from trackkit.domain.errors import JobCancelled

PASSWORD = "a-long-passphrase"


@pytest.mark.spec("13: every administrative act is an audit record (who, from where, before, after)")
def test_every_audited_operation_leaves_its_record(start: Start) -> None:
    with RawSink(refuse={"gone@sink.test": "550 5.1.1 no such user"}) as sink:
        server = start(options={**TRACKING, "sending.smtp.host": "127.0.0.1", "sending.smtp.port": sink.port}, seats=0)
        admin = server.admin
        queue_id = admin.mail.submit(b"Subject: x\r\n\r\n", sender="", recipients=["gone@sink.test"]).queue_id
        wait_until(lambda: admin.mail.show(queue_id).message.attempts == 1, what="the refusal")
        seen = _done_in_turn(admin, queue_id)
    assert seen == {name for name, operation in OPERATIONS.items() if operation.audited}


def _done_in_turn(admin: Server, queue_id: str) -> set[str]:
    acts: dict[str, Callable[[], object]] = {
        "setup.issue": admin.setup_code,
        "setup.complete": lambda: admin.complete_setup(admin.setup_code().code, PASSWORD),
        "user.add": lambda: admin.users.add("olga", "viewer", PASSWORD),
        "user.edit": lambda: admin.users.edit("olga", role="operator"),
        "user.password": lambda: admin.users.password("another-passphrase", present=PASSWORD),
        "user.delete": lambda: admin.users.delete("olga"),
        "token.add": lambda: admin.tokens.add("script", "viewer"),
        "token.delete": lambda: admin.tokens.delete("admin", "script"),
        "session.end": lambda: ended(admin),
        "options.set": lambda: admin.options.set({"sending.paused": True}),
        "options.apply": lambda: admin.options.apply(OPTIONS_FILE),
        "options.revert": lambda: admin.options.revert(admin.options.history(limit=1).sets[0].change_id),
        "mail.submit": lambda: admin.mail.submit(b"x", sender="", recipients=["a@sink.test"]),
        "mail.test": lambda: admin.mail.test(recipient="a@sink.test").wait(),
        "mail.test_cancel": lambda: cancelled_test(admin),
        "mail.bulk": lambda: waited(admin.mail.where(domain="nowhere.test").hold()),
        "mail.edit_recipient": lambda: admin.mail.edit_recipient(queue_id, "gone@sink.test", "there@sink.test"),
        "mail.reattempt": lambda: admin.mail.reattempt(queue_id),
        "mail.hold": lambda: admin.mail.hold(queue_id),
        "mail.release": lambda: admin.mail.release(queue_id),
        "mail.delete": lambda: admin.mail.delete(queue_id),
        "mail.undelete": lambda: admin.mail.undelete(queue_id),
        "mail.suggest": lambda: admin.mail.suggest("127.0.0.1"),
        "log.delete": lambda: admin.log.delete(all=True),
        "log.save_filter": lambda: admin.log.filters.save("errors", level="error"),
        "log.delete_filter": lambda: admin.log.filters.delete("errors"),
        "database.create": lambda: admin.databases.create("one"),
        "database.create_from_template": lambda: waited(admin.databases.create_from_template("two", "one")),
        "database.edit": lambda: admin.databases.edit("one", {"description": "Changed"}),
        "database.compact": lambda: waited(admin.databases.compact("one")),
        "database.backup": lambda: waited(admin.databases.backup("one")),
        "database.restore": lambda: waited(admin.databases.restore(newest_backup(admin), "three")),
        "database.remove": lambda: admin.databases.remove("two"),
        "database.add": lambda: waited(admin.databases.add("two")),
        "license.add": lambda: admin.licenses.add(web_serial(admin)),
        "license.edit": lambda: admin.licenses.edit(newest_license(admin), web_serial(admin)),
        "license.delete": lambda: admin.licenses.delete(newest_license(admin)),
        "trust.add": lambda: admin.trust.add(untrusted.put(Path(admin.url))),
        "trust.upload": lambda: admin.trust.upload(authority().pem),
        "trust.remove": lambda: admin.trust.remove(admin.trust.trusted()[0].certificate_id),
        "task.add": lambda: admin.tasks.add(name="Nightly", kind="backup", database="one"),
        "task.edit": lambda: admin.tasks.edit("Nightly", {"keep": 3}),
        "task.run": lambda: waited(admin.tasks.run("Nightly")),
        "task.delete": lambda: admin.tasks.delete("Nightly"),
        "tracking.test": lambda: admin.tracking.test().wait(),
        "tracking.reprocess": lambda: admin.tracking.reprocess(quarantined.put(Path(admin.url))),
        "tracking.discard": lambda: admin.tracking.discard(quarantined.put(Path(admin.url))),
        "tracking.rotate_key": admin.tracking.rotate_key,
        "tracking.set": lambda: admin.tracking.set("one", {"letter_hours": 12}),
        "tracking.round_trip": admin.tracking.round_trip,
        "job.cancel": lambda: cancelled(admin),
    }
    for name, act in acts.items():
        before = admin.audit.list(limit=1).records
        act()
        since = [r for r in admin.audit.list(limit=5).records if not before or r.record_id > before[0].record_id]
        newest = next(record for record in since if record.operation == name)  # what it sets off leaves records, too
        assert newest.username == ("" if name == "setup.complete" else "admin")
        assert newest.client_address == "local socket"
    return set(acts)


def ended(admin: Server) -> None:
    """End another session of the same person."""
    with trackkit.local(admin.url) as other:
        assert admin.sessions.end(other.session().session_id)


def waited(running: RunningJob) -> None:
    running.wait()


def cancelled_test(admin: Server) -> None:
    """End a test that waits for a silent host."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = admin.options.get().value("sending.smtp.port")
        admin.options.set({"sending.smtp.port": silent.getsockname()[1]})
        test = admin.mail.test()
        admin.options.set({"sending.smtp.port": before})
        test.cancel()
        assert test.wait().works is None


def newest_backup(admin: Server) -> int:
    return admin.databases.backups("one").backups[0].backup_id


def newest_license(admin: Server) -> int:
    return admin.licenses.list().licenses[-1].license_id


def web_serial(admin: Server) -> str:
    return licensed.serial("web", 2, admin.licenses.list().server_id)


def cancelled(admin: Server) -> None:
    """Cancel a template copy that has so much before it that it cannot have ended."""
    admin.databases.create("large", administrator_password=PASSWORD)
    with admin.project("large", "administrator", PASSWORD) as project:
        project.import_rows("customer", ["name"], [[f"Customer {number}"] for number in range(20_000)]).wait()
    running = admin.databases.create_from_template("never", "large")
    running.cancel()
    with pytest.raises(JobCancelled):
        running.wait()

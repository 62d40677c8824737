"""Makes the data folder that stands for this version in upgrade tests: ``python -m tests.upgrade.freeze``.

Run once for each released version; the folder is never changed afterwards. Its keys and passwords are for tests only.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.peers.raw_sink import RawSink
from tests.running import start_server
from trackkit import __version__
from trackkit.client import Server
from trackkit.domain.project.commands import ADMINISTRATORS, COMMANDS

HERE = Path(__file__).parent / "frozen"
PASSWORD = "frozen-passphrase"
PROJECT = "frozen project"
MAILBOX_PASSWORD = "frozen-mailbox-secret"
CUSTOMER = "carl@example.net"
KEPT = ("trackkit.db", "log.db", "secret.key", "tls-cert.pem", "tls-key.pem")


def main() -> None:
    """Fill a server with one of everything, stop it, keep its folder."""
    with RawSink(refuse={"gone@example.org": "550 5.1.1 No such user", "later@example.org": "451 4.7.1 Later"}) as sink:
        server = start_server(options={"sending.smtp.host": "127.0.0.1", "sending.smtp.port": sink.port})
        _fill(server.admin)
        server.stop()
    target = HERE / __version__
    target.mkdir(parents=True)
    for name in KEPT:
        shutil.copyfile(server.data / name, target / name)
    shutil.copytree(server.data / "databases", target / "databases")
    shutil.rmtree(server.data.parent)


def _fill(admin: Server) -> None:
    admin.users.password(PASSWORD)
    admin.users.add("olga", "operator", password=PASSWORD)
    admin.users.add("victor", "viewer")
    admin.tokens.add("script", "viewer")
    admin.options.set({"sending.timing.days": 9})
    admin.databases.create(PROJECT, administrator_password=PASSWORD)
    with admin.project(PROJECT, "administrator", PASSWORD) as project:
        defect = project.add("defect", title="It freezes", owner="administrator")
        project.attach("defect", defect.key, "trace.txt", b"\x00 trace")
    admin.tasks.add(name="Nightly", kind="backup", database=PROJECT, keep=3)
    admin.log.filters.save("Last night", level="error", last_minutes=720)
    sent, failed, deferred, held, deleted = (
        admin.mail.submit(
            f"Subject: {name}\r\nMessage-ID: <{name}@frozen.example>\r\n\r\nThis one is {name}.\r\n".encode(),
            sender="olga@example.org",
            recipients=[address],
        ).queue_id
        for name, address in (
            ("sent", "anna@example.org"),
            ("failed", "gone@example.org"),
            ("deferred", "later@example.org"),
            ("held", "later@example.org"),
            ("deleted", "later@example.org"),
        )
    )
    deadline = time.monotonic() + 30
    while {m.queue_id: m.attempts for m in admin.mail.list().messages} != {failed: 1, deferred: 1, held: 1, deleted: 1}:
        assert time.monotonic() < deadline, f"{sent} and the others are not where they should be: {admin.mail.list()}"
        time.sleep(0.05)
    admin.mail.hold([held])
    admin.mail.delete([deleted])
    admin.options.set(
        {
            "sending.smtp.host": "mail.example.org",
            "sending.smtp.port": 587,
            "sending.smtp.authentication": "basic",
            "sending.smtp.username": "frozen",
            "sending.smtp.password": MAILBOX_PASSWORD,
            "sending.paused": True,
        }
    )
    _converse(admin)


def _converse(admin: Server) -> None:
    """A tracked e-mail on its way out."""
    admin.options.set(
        {
            "tracking.enabled": True,
            "tracking.host": "mail.example.org",
            "tracking.username": "tracker",
            "tracking.password": MAILBOX_PASSWORD,
            "tracking.address": "tracker@example.org",
            "tracking.poll_interval": 86_400,
        }
    )
    admin.tracking.set(PROJECT, {"tracking": True})
    with admin.project(PROJECT, "administrator", PASSWORD) as project:
        project.add("group", name="Mailers", commands=list(COMMANDS))
        groups = [ADMINISTRATORS, "Mailers"]
        project.edit("user", "administrator", {"email": "ada@example.org", "groups": groups})
        project.add("template", name="Ours", subject="{{ record.title }}", body="{{ record.title }}, does it?\n")
    with admin.project(PROJECT, "administrator", PASSWORD) as project:
        project.mail.send("defect 1", [CUSTOMER], template="Ours")


if __name__ == "__main__":
    main()

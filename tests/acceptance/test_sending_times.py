"""The sending schedule and the limit of messages a minute, through a running server and a real mail host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.errors import InvalidInput

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


def set_up(database_url: str | None, start: Start, host: ScriptedSmtp, **timing: object) -> RunningServer:
    """A server that sends to that host."""
    options = {"sending.smtp.host": "127.0.0.1", "sending.smtp.port": host.port}
    return start(None, {**options, **{f"sending.timing.{name}": value for name, value in timing.items()}}, database_url)


def causes(server: RunningServer) -> dict[str, int]:
    return {cause.diagnosis.cause: cause.messages for cause in server.admin.mail.summary().causes}


def test_outside_the_schedule_mail_waits_and_says_so(database_url: str | None, start: Start) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(hours=2), now + timedelta(hours=3)
    closed = f"daily {soon:%H:00}-{later:%H:00} in UTC"
    with ScriptedSmtp() as host:
        server = set_up(database_url, start, host, schedule=closed)
        queue_id = server.admin.mail.submit(MESSAGE, sender="", recipients=["a@b.test"]).queue_id
        wait_until(lambda: causes(server) == {"outside_schedule": 1}, what="the diagnosis")
        shown = server.admin.mail.show(queue_id).message.diagnosis
        assert f"{soon:%H}:00 UTC" in shown.words
        assert (shown.operation, shown.option) == ("options.set", "sending.timing.schedule")
        assert not host.messages
        server.admin.options.set({"sending.timing.schedule": "daily 00:00-24:00"})
        wait_until(lambda: len(host.messages) == 1, what="the mail")
    with pytest.raises(InvalidInput):
        server.admin.options.set({"sending.timing.schedule": "sometimes"})


def test_no_more_than_the_limit_leave_in_a_minute(database_url: str | None, start: Start) -> None:
    with ScriptedSmtp() as host:
        server = set_up(database_url, start, host, messages_per_minute=5)
        for number in range(8):
            server.admin.mail.submit(MESSAGE, sender="", recipients=[f"r{number}@b.test"])
        wait_until(lambda: len(host.messages) == 5, what="the first five")
        wait_until(lambda: causes(server) == {"over_the_limit": 3}, what="the diagnosis of the others")
        assert len(host.messages) == 5
        assert server.stop() == 0
        server.restart()
        wait_until(lambda: causes(server) == {"over_the_limit": 3}, what="the same after a restart")
        assert len(host.messages) == 5
        server.admin.options.set({"sending.timing.messages_per_minute": 100})
        wait_until(lambda: len(host.messages) == 8, what="the rest")

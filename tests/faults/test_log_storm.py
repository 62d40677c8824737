"""Ten thousand errors in a short time, while the mails that tell of them cannot be delivered either.

The errors are real: the mail host refuses ten thousand recipients, one by one, and each refusal is logged as an Error
by the mail engine. The windows are a second long instead of minutes; nothing else is compressed.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest

from tests.conftest import Start
from tests.peers.raw_sink import RawSink
from tests.ports import wait_until
from tests.running import RunningServer

MAILS, RECIPIENTS = 10, 1000
ADMIN = "admin@sink.test"


def submit_refused(server: RunningServer, sink: RawSink, mails: int, recipients: int) -> None:
    """Put mails into the queue whose recipients the host refuses."""
    for mail in range(mails):
        addresses = [f"m{mail}-{number}@sink.test" for number in range(recipients)]
        sink.refuse.update(dict.fromkeys(addresses, "550 5.1.1 no such user"))
        server.admin.mail.submit(b"Subject: x\r\n\r\nbody\r\n", sender="a@sink.test", recipients=addresses)


def digests(sink: RawSink) -> list[int]:
    """How many errors each mail about the log told of, in the order they arrived."""
    found = []
    for taken in list(sink.taken):
        if taken.rcpt_tos == (ADMIN,):
            message = message_from_bytes(taken.content, policy=default)
            assert message["Auto-Submitted"] == "auto-generated"
            assert taken.mail_from == "", "the null sender"
            assert len(taken.content) < 100_000
            count = re.match(r"\[trackkit\] ([\d,]+) Error on ", str(message["Subject"]))
            assert count, message["Subject"]
            found.append(int(count[1].replace(",", "")))
    return found


def waiting(server: RunningServer) -> int:
    """How many mails about the log are in the queue."""
    return len([m for m in server.admin.mail.each() if "[trackkit]" in m.subject and m.state != "deleted"])


@pytest.mark.spec("7: log: e-mailed entries: bursts become one digest; trouble with these mails never makes more")
def test_ten_thousand_errors_with_sending_broken_at_first(
    database_url: str | None, start: Start, raw_sink: RawSink
) -> None:
    recipients = RECIPIENTS if database_url is None else RECIPIENTS // 10
    total = MAILS * recipients
    raw_sink.refuse[ADMIN] = "451 4.3.0 not now"
    server = start(
        options={
            "sending.smtp.host": "127.0.0.1",
            "sending.smtp.port": raw_sink.port,
            "sending.smtp.encryption": "none",
            "sending.paused": True,
            "log.email_level": "error",
            "log.email_to": ADMIN,
            "log.email_window_seconds": 1,
        },
        database_url=database_url,
    )
    submit_refused(server, raw_sink, MAILS, recipients)
    server.admin.options.set({"sending.paused": False})

    def logged() -> int:
        return server.admin.log.list("error", "only", text="could not be delivered", limit=1).total

    wait_until(lambda: logged() >= total, seconds=120, what="every error in the log")
    first = wait_until(
        lambda: [m for m in server.admin.mail.each() if "[trackkit]" in m.subject and m.state == "deferred"],
        what="the first digest, refused",
    )
    submit_refused(server, raw_sink, 1, 7)
    wait_until(lambda: logged() >= total + 7, what="seven more, in another window")
    assert waiting(server) == 1, "while it is undelivered there is no second one"
    assert digests(raw_sink) == []

    del raw_sink.refuse[ADMIN]
    server.admin.mail.reattempt([first[0].queue_id])
    wait_until(lambda: len(digests(raw_sink)) >= 2, seconds=60, what="the first digest, and the one with the rest")
    assert sum(digests(raw_sink)) == total + 7, "each error is in exactly one mail, and nothing else is"
    assert len(digests(raw_sink)) == 2

    server.stop()
    server.restart()
    submit_refused(server, raw_sink, 1, 1)
    wait_until(lambda: len(digests(raw_sink)) >= 3, seconds=60, what="the digest about one more error")
    assert digests(raw_sink)[2:] == [1], "none came between, and none twice after the restart"
    assert logged() == total + 8, "everything is in the log"
    assert not server.admin.log.list("severe_error", "only").entries

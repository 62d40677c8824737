"""SIGKILL while programs hand over mail: whatever was answered with 250 is on disk."""

from __future__ import annotations

import threading

import pytest

from tests.conftest import Start
from tests.ports import accepts, free_port, wait_until
from tests.smtp_talk import Talk

CLIENTS = 10
ENOUGH = 300


@pytest.mark.spec("5: other programs' mail through the SMTP listener: 250 = on disk, then sent like the server's own")
def test_what_was_answered_with_250_is_there_after_a_kill(database_url: str | None, start: Start) -> None:
    port = free_port()
    options = {"sending.paused": True, "sending.listener.port": port, "sending.listener.enabled": True}
    server = start(options=options, database_url=database_url)
    wait_until(lambda: accepts(port), what="the listener")
    accepted: list[str] = []

    def hand_over(client: int) -> None:
        with Talk(port).greeted() as talk:
            for number in range(100_000):
                line = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
                try:
                    talk.send(line)
                    replies = [talk.reply() for _ in range(3)]
                    talk.send(b"Subject: %d of %d\r\n\r\n%s\r\n.\r\n" % (number, client, b"x" * 500))
                    replies.append(talk.reply())
                except (OSError, AssertionError):  # cut off within a line
                    return
                if replies[-1].startswith("250 "):
                    accepted.append(f"{number} of {client}")
                elif "" in replies:
                    return

    threads = [threading.Thread(target=hand_over, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(accepted) >= ENOUGH, seconds=60, what="enough mail")
    server.kill()
    for thread in threads:
        thread.join()
    server.restart()
    stored = [message.subject for message in server.admin.mail.each()]
    assert len(accepted) >= ENOUGH
    assert set(accepted) <= set(stored), "answered with 250, and lost"
    assert len(stored) == len(set(stored)), "stored twice"
    assert len(stored) - len(accepted) <= CLIENTS, "more than what was not answered yet"

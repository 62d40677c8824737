"""1,000 stuck mails of six causes, brought about for real: grouped rightly, each group helped by one call or one click.

Half of the groups are helped in the queue's view, half in Python and on the command line; all of it against one running
server, whose queue is empty afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import ipywidgets as w
import pytest

from tests.certificates import HOST, certificate
from tests.conftest import Start
from tests.fakes.smtp_server import Action, ScriptedSmtp, say
from tests.ports import free_port, wait_until
from tests.running import RunningServer
from tests.unit.cli_runs import run
from trackkit.client import Server
from trackkit.contract.mail import MessageDetail, QueuedMessage
from trackkit.domain.ages import Age
from trackkit.domain.delivery import State
from trackkit.widgets.problems import Trouble
from trackkit.widgets.queue_panel import QueuePanel

PEOPLE = {
    "address_rejected": ("gone", 170),
    "deferred_by_host": ("later", 180),
    "held": ("held", 150),
    "host_unreachable": ("away", 140),
    "tls_untrusted": ("secret", 160),
    "outside_schedule": ("night", 200),
}
"""Cause -> how the recipients' names begin, how many messages."""
DOMAINS = ("one.test", "two.test")
HOUR = 3600 * 1_000_000
"""As the tables count: in microseconds."""


class Host:
    """A mail host that knows nobody named ``gone`` and asks ``later`` to come later, until it is `kind`."""

    def __init__(self) -> None:
        self.kind = False

    def rcpt(self, line: str) -> Action | None:
        """What it says to a recipient."""
        if "<gone" in line:
            return say("550 5.1.1 No such user here")
        return say("451 4.0.0 Not now") if "<later" in line and not self.kind else None


@pytest.fixture(scope="module")
def host() -> Host:
    return Host()


@pytest.fixture(scope="module")
def plain(host: Host) -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp({"rcpt": host.rcpt}) as relay:
        yield relay


@pytest.fixture(scope="module")
def encrypted(host: Host) -> Iterator[ScriptedSmtp]:
    """The same host with a certificate that nobody knows."""
    with ScriptedSmtp({"rcpt": host.rcpt}, tls=certificate().server(), extensions=("STARTTLS",)) as relay:
        yield relay


def submit(server: Server, cause: str) -> list[str]:
    """The mail that is to wait for a cause, for two domains."""
    name, number = PEOPLE[cause]

    def one(n: int) -> str:
        raw = f"Subject: {cause} {n}\r\nMessage-ID: <{name}.{n}@here.test>\r\n\r\n".encode()
        return server.mail.submit(raw, sender="", recipients=[f"{name}{n}@{DOMAINS[n % 2]}"]).queue_id

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(number)))


def use(server: Server, **values: object) -> None:
    """Set options of the relay."""
    server.options.set({f"sending.smtp.{name}": value for name, value in values.items()})


def tried(running: RunningServer, state: str, cause: str) -> None:
    """Wait until all of it was tried, and put the next try off, so that nothing comes due while the test goes on."""
    wanted, mail = PEOPLE[cause][1], running.admin.mail
    wait_until(lambda: mail.list(state, cause=cause, limit=1).total == wanted, seconds=120, what=cause)
    put_off = f"next_attempt_at + {HOUR} WHERE state = 'deferred' AND address LIKE '{PEOPLE[cause][0]}%'"
    sql(running, f"UPDATE recipients SET next_attempt_at = {put_off}")


def sql(running: RunningServer, statement: str) -> None:
    """Change the server's tables behind its back: what otherwise takes hours to come about."""
    with closing(sqlite3.connect(running.data / "trackkit.db", timeout=20)) as connection, connection:
        connection.execute(statement)


def make_stuck(running: RunningServer, plain: ScriptedSmtp, encrypted: ScriptedSmtp) -> None:
    """Bring the six causes about, one after the other."""
    server = running.admin
    use(server, host=HOST, port=plain.port, encryption="none")
    submit(server, "address_rejected")
    submit(server, "deferred_by_host")
    tried(running, "failed", "address_rejected")
    tried(running, "deferred", "deferred_by_host")
    server.options.set({"sending.paused": True})
    server.mail.hold(submit(server, "held"))
    use(server, port=free_port())
    server.options.set({"sending.paused": False})
    submit(server, "host_unreachable")
    tried(running, "deferred", "host_unreachable")
    use(server, port=encrypted.port, encryption="starttls")
    submit(server, "tls_untrusted")
    tried(running, "deferred", "tls_untrusted")
    sql(running, f"UPDATE messages SET queued_at = queued_at - {2 * HOUR} WHERE subject LIKE 'held %5'")
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    server.options.set({"sending.timing.schedule": f"{in_two_days:%a} 10:00-11:00 in UTC"})
    submit(server, "outside_schedule")


def everything(server: Server) -> tuple[list[QueuedMessage], list[MessageDetail]]:
    """All that can be seen of the messages of rejected addresses; of each tenth the recipients and attempts, too."""
    found = list(server.mail.each(text=PEOPLE["address_rejected"][0]))
    return found, [server.mail.show(one.queue_id) for one in found[::10]]


def choose(panel: QueuePanel, cause: str) -> None:
    """Click on a cause."""
    panel.causes._asked(None, {"do": "select", "how": "one", "id": cause}, None)


def answer(box: w.Box, yes: bool) -> str:
    """Answer the question in a box; its words."""
    (asked,) = box.children
    words = str(asked.question)
    asked.answer(yes)
    return words


@pytest.mark.spec("13: queue by cause: diagnosis × destination × age, with the next step")
@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_a_thousand_stuck_mails(
    start_for_module: Start, host: Host, plain: ScriptedSmtp, encrypted: ScriptedSmtp
) -> None:
    running = start_for_module()
    server, data = running.admin, str(running.data)
    make_stuck(running, plain, encrypted)

    groups = server.mail.groups()
    assert {group.cause: group.messages for group in groups} == {c: number for c, (_, number) in PEOPLE.items()}
    assert sum(group.messages for group in groups) == 1000
    relay = f"{HOST}:{encrypted.port}"
    for group in groups:
        names = {part.destination: part.messages for part in group.parts}
        number = group.messages
        of_the_relay = group.cause in ("host_unreachable", "tls_untrusted")
        assert names == ({relay: number} if of_the_relay else dict.fromkeys(DOMAINS, number // 2)), group.cause
        assert group.where.count("delete").applies == number
    ages = {(part.destination, one.age): one.messages for part in groups["held"].parts for one in part.parts}
    old, young = Age.under_4_hours, Age.under_5_minutes
    assert ages == {("one.test", young): 75, ("two.test", young): 60, ("two.test", old): 15}
    assert len(server.mail.groups_frame()) == 6 * 2 - 2 + 1

    trouble = Trouble()
    panel = QueuePanel(server, trouble)
    view = panel.cause
    # 1. The rejected ones are deleted by a click, and brought back as they were by another one.
    before = everything(server)
    choose(panel, "address_rejected")
    assert panel.grid.total == 170
    view.verbs["delete"].click()
    assert answer(view.asking, True).startswith("170 messages (170 failed) will be deleted")
    assert "170 messages were deleted." in view.result.value
    assert server.mail.list().total == 830
    assert not panel.causes.selected_ids, "nothing waits for it any more"
    (deletion,) = view.deletions
    deletion.undo.click()
    assert "170 messages were brought back." in view.result.value
    assert not view.deletions
    assert everything(server) == before, "states, tries, next attempts, attempts, conversations, diagnoses"
    deleted = server.mail.groups()["address_rejected"].where.delete().wait()
    assert deleted.result["messages"] == 170

    # 2. The certificate is trusted by a click; what waited for it is due, and waits for the schedule now.
    choose(panel, "tls_untrusted")
    assert (view.step.description, panel.grid.total) == ("Trust the certificate", 160)
    view.step.click()
    assert "SHA-256" in answer(view.asking, True)
    wait_until(lambda: server.mail.groups()["outside_schedule"].messages == 360, what="the mail to be due")

    # 3. The schedule goes by a click.
    panel.refresh()
    choose(panel, "outside_schedule")
    view.step.click()
    asked = answer(view.asking, True)
    assert "360 messages wait for it" in asked, "what it touches"
    assert "→" in asked, "what it changes"
    wait_until(lambda: len(encrypted.messages) == 360, seconds=120, what="it to leave")
    assert server.options.get().value("sending.timing.schedule") == ""

    # 4. What is held is released by one call, what the host put off by one command, the rest by its filter.
    assert server.apply(server.mail.groups()["held"]) == "150 messages were released."
    host.kind = True
    asked_first = run("mail", "fix", "--cause", "deferred_by_host", "--data", data)
    assert "Reattempt 180 messages (180 deferred), 180 recipients?" in asked_first.err
    assert server.mail.groups()["deferred_by_host"].messages == 180, "it only asked"
    done = run("mail", "fix", "--cause", "deferred_by_host", "--yes", "--data", data)
    assert done.out.endswith("180 messages were made due now.\n")
    server.mail.groups()["host_unreachable"].where.reattempt().wait()
    wait_until(lambda: len(encrypted.messages) == 830, seconds=120, what="all of it to leave")
    wait_until(lambda: server.mail.summary().states == {State.deleted: 170}, what="the queue to be empty")
    assert trouble.line.value == ""
    assert len({m.data for m in encrypted.messages}) == 830, "each once"

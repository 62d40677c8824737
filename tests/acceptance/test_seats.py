"""License seats through a running server: many log in at once, clients are killed, and the history adds up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import licensed
from tests.conftest import Start
from tests.ports import wait_until
from tests.running import RunningServer, clean_environment
from trackkit.client.licenses import LicensesPart

PASSWORD = "correct horse battery"
SEATS, PROCESSES, EACH = 20, 4, 50

CLIENT = """
import json, random, sys, threading, time
from trackkit.client import diagnose, reach
from trackkit.domain.errors import NoSeat, TooManyAttempts, Unavailable
url, fingerprint, each = sys.argv[1], sys.argv[2], int(sys.argv[3])
held, refused, other = [], [], []
diagnose.CONNECT_TIMEOUT = 120.0  # how quick the machine is with 200 handshakes at once is not the question here
def come(number):
    while True:
        try:
            held.append(server.project("work", "administrator", "correct horse battery", client="native"))
            return
        except NoSeat as error:
            refused.append(error.message)
            return
        except (TooManyAttempts, Unavailable):
            time.sleep(random.uniform(0.5, 1.5))
        except Exception as error:
            other.append(repr(error))
            return
server = reach(url, fingerprint=fingerprint)
print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=come, args=(number,)) for number in range(each)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sessions = [project.session().session_id for project in held]
print(json.dumps({"held": sessions, "refused": refused, "other": other}), flush=True)
sys.stdin.readline()
for project in held:
    project.close()
"""


class Client:
    """A process of somebody who logs in many times; it holds what it got until it is told to leave, or killed."""

    def __init__(self, server: RunningServer) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, server.url, server.fingerprint, str(EACH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(server.data.parent),
        )

    def said(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()


@contextmanager
def most_held(licenses: LicensesPart) -> Iterator[list[int]]:
    """Looks all the time how many floating seats are held."""
    seen, ending = [0], threading.Event()

    def look() -> None:
        while not ending.is_set():
            seen.append(sum(seat.pool == "floating" for seat in licenses.seats().seats))
            time.sleep(0.2)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ending.set()
        thread.join()


def only_floating(server: RunningServer, seats: int) -> None:
    """Just these floating seats; the others as for evaluation are gone."""
    evaluation = server.admin.licenses.list().licenses[0]
    server.admin.licenses.delete(evaluation.license_id)
    licensed.give_seats(server.admin, floating=seats)


@pytest.mark.timeout(400)
@pytest.mark.spec("3: seats are leases: a client that vanishes loses its seat within the API time-out")
@pytest.mark.spec("3: when no seat is free the refusal says how many there are, who holds them and since when")
def test_200_log_ins_for_20_seats_and_half_of_the_clients_killed(database_url: str | None, start: Start) -> None:
    server = start(None, {"server.api_idle_minutes": 1, "server.native_idle_minutes": 60}, database_url, seats=0)
    admin = server.admin
    only_floating(server, SEATS)
    admin.databases.create("work", administrator_password=PASSWORD)
    clients = [Client(server) for _ in range(PROCESSES)]
    try:
        assert [client.said() for client in clients] == ["ready"] * PROCESSES
        with most_held(admin.licenses) as seen:
            for client in clients:
                client.go_on()
            told = [json.loads(client.said()) for client in clients]
        assert [words for one in told for words in one["other"]] == []
        refused = [words for one in told for words in one["refused"]]
        held = {session for one in told for session in one["held"]}
        assert (len(held), len(refused)) == (SEATS, PROCESSES * EACH - SEATS)
        assert max(seen) <= SEATS
        assert {seat.session_id for seat in admin.licenses.seats().seats} == held
        assert all(
            words.startswith("Your log-in is right, but no seat is free. All 20 floating seats are taken: ")
            for words in refused
        )
        assert "administrator since 2" in refused[0]

        dead, living = clients[::2], clients[1::2]
        for client in dead:
            client.process.kill()
        lost = {session for one in told[::2] for session in one["held"]}
        assert lost, "those that were killed held seats"
        killed_at = time.monotonic()
        wait_until(
            lambda: not lost & now_held(admin.licenses),
            seconds=110,
            what="the seats of those that were killed",
            pause=1,
        )
        print(f"{len(lost)} seats were back {time.monotonic() - killed_at:.0f} s after the kill, time-out 60 s")
        assert now_held(admin.licenses) == held - lost, "who lives keeps the seat"
        for client in living:
            client.go_on()
            client.process.wait(60)
        wait_until(lambda: not now_held(admin.licenses), seconds=30, what="the end of the others")
        the_history_adds_up(admin.licenses, lost=len(lost), left=len(held) - len(lost), refused=len(refused))
    finally:
        for client in clients:
            client.end()


def now_held(licenses: LicensesPart) -> set[str]:
    return {seat.session_id for seat in licenses.seats().seats}


def the_history_adds_up(licenses: LicensesPart, *, lost: int, left: int, refused: int) -> None:
    uses = list(licenses.each_use("floating"))
    counted = {how: sum(use.ending == how for use in uses) for how in ("vanished", "returned", "refused")}
    assert counted == {"vanished": lost, "returned": left, "refused": refused}
    assert len(uses) == lost + left + refused
    points = licenses.usage("floating").points
    assert max(point.peak for point in points) == SEATS
    assert sum(point.refusals for point in points) == refused
    real = [use for use in uses if use.ending != "refused"]
    at_once = [sum(other.taken_at <= use.taken_at < other.ended_at for other in real) for use in real]
    assert max(at_once) == SEATS
    played = licenses.replay("floating", SEATS, 60)
    assert played.really_refused == refused
    assert played.refusals > 0
    assert licenses.replay("floating", played.enough, 60).refusals == 0

"""Somebody tries passwords, from one address and from many: it costs the server little and keeps nobody else out.

That a password was looked at shows in the answer: "wrong" is said only after looking, "too many" only before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ssl import CERT_NONE, create_default_context

import httpx
import pytest

import trackkit
from tests.acceptance.conftest import PASSWORD
from tests.conftest import Start
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.contract.operation import PREFIX
from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.failures import IN_ALL
from trackkit.domain.throttle import ACCOUNT, KNOWN_PAIR, PAIR, SHARED_PLACE

SERVER = "/sessions"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    running = start_for_module(seats=200)
    for name in ("victim", "other", "third", "far away"):
        running.admin.users.add(name, "viewer", PASSWORD)
    running.admin.databases.create("besieged", administrator_password=PASSWORD)
    return running


ANYTHING = create_default_context()
ANYTHING.check_hostname = False
ANYTHING.verify_mode = CERT_NONE


@contextmanager
def attacker(server: RunningServer, address: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """Somebody at that address of this machine, without a client of ours."""
    transport = httpx.HTTPTransport(verify=ANYTHING, local_address=address)
    with httpx.Client(base_url=server.url + PREFIX, transport=transport, timeout=60, trust_env=False) as http:
        yield http


def tried(http: httpx.Client, username: str, password: str, database: str = "") -> httpx.Response:
    """One try of a password."""
    if database:
        return http.post("/project/sessions", json={"database": database, "username": username, "password": password})
    return http.post(SERVER, json={"username": username, "password": password})


def flood(http: httpx.Client, tries: int, username: str = "victim", database: str = "") -> Counter[int]:
    """So many wrong passwords, eight at a time; how often each status came back."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: tried(http, username, f"wrong password {n}", database), range(tries))
        return Counter(answer.status_code for answer in answers)


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
@pytest.mark.parametrize(("database", "tries"), [("", 1000), ("besieged", 200)], ids=["server user", "project user"])
def test_a_thousand_wrong_passwords_cost_few_looks_and_the_victim_gets_in(
    server: RunningServer, database: str, tries: int
) -> None:
    victim = "administrator" if database else "victim"
    with attacker(server) as http, attacker(server, "127.0.0.9") as elsewhere:
        assert tried(elsewhere, victim, PASSWORD, database).status_code == 200, "from where the victim always comes"
        answers = flood(http, tries, victim, database)
        assert set(answers) == {401, 429}
        assert answers[401] <= 2 * PAIR.tries + 10, "a try more for each interval the flood took"
        assert tried(elsewhere, victim, PASSWORD, database).status_code == 200, "at once, during the flood"
        refused = tried(http, victim, PASSWORD, database)
        if refused.status_code == 429:  # the very address of the flood waits no longer than it is told
            assert 1 <= int(refused.headers["Retry-After"]) <= PAIR.every.total_seconds()
            assert refused.json()["code"] == "too_many_attempts"
            assert f"try again in {refused.headers['Retry-After']} second" in refused.json()["message"]
        wait_until(lambda: tried(http, victim, PASSWORD, database).status_code == 200, what="the victim's log-in")


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_the_client_says_when_to_try_again(server: RunningServer) -> None:
    with attacker(server) as http:
        flood(http, 40, "third")
    with pytest.raises(TooManyAttempts) as caught:
        server.connect("third", PASSWORD)
    assert 1 <= caught.value.retry_after <= 10
    with trackkit.local(server.data, "third") as local:
        assert local.username == "third", "on the server machine there is nothing to wait for"


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_one_visitors_failures_keep_out_nobody_else_at_the_same_address(server: RunningServer) -> None:
    """All visitors of the dashboards have the address 127.0.0.1."""
    with attacker(server) as http:
        flood(http, 60, "nobody of that name")
        for name in ("other", "far away"):
            assert tried(http, name, PASSWORD).status_code == 200


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_a_browser_that_was_here_before_is_told_apart_at_the_same_address(server: RunningServer) -> None:
    server.admin.users.add("regular", "viewer", PASSWORD)
    with attacker(server) as http:
        proof = tried(http, "regular", PASSWORD).json()["proof"]
        assert flood(http, 60, "regular")[401] <= KNOWN_PAIR.tries + 5
        asked = {"username": "regular", "password": PASSWORD, "proof": proof}
        assert http.post(SERVER, json=asked).status_code == 200
        for forged in ("x", proof[:-4] + "AAA=", "\N{SNOWMAN}"):
            assert http.post(SERVER, json={**asked, "proof": forged}).status_code == 429
        assert http.post(SERVER, json={**asked, "username": "other", "password": "", "proof": proof}).status_code == 401
        alone = {"username": "regular", "password": "", "proof": proof}
        assert http.post(SERVER, json=alone).status_code == 401, "a proof opens nothing by itself"


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_so_is_a_browser_that_was_in_the_project_before(server: RunningServer) -> None:
    with server.admin.project("besieged", "administrator", PASSWORD) as project:
        project.add("user", name="regular", password=PASSWORD)
        project.add("user", name="other", password=PASSWORD)
    sessions = "/project/sessions"
    with attacker(server) as http:
        asked = {"database": "besieged", "username": "regular", "password": PASSWORD}
        proof = http.post(sessions, json=asked).json()["proof"]
        assert flood(http, 60, "regular", "besieged")[401] <= KNOWN_PAIR.tries + 5
        assert http.post(sessions, json={**asked, "proof": proof}).status_code == 200
        assert http.post(sessions, json={**asked, "database": "BESIEGED", "proof": proof}).status_code == 200
        for forged in ("x", proof[:-4] + "AAA=", "\N{SNOWMAN}"):
            assert http.post(sessions, json={**asked, "proof": forged}).status_code == 429
        alone = {**asked, "password": "", "proof": proof}
        assert http.post(sessions, json=alone).status_code == 401, "a proof opens nothing by itself"
        assert http.post(sessions, json={**alone, "username": "other"}).status_code == 401
        assert flood(http, 60, "other", "besieged")[429] > 0
        another = {**asked, "username": "other", "proof": proof}
        assert http.post(sessions, json=another).status_code == 429, "it is bound to its account"
        crossed = {"username": "admin", "password": "", "proof": proof}
        assert http.post(SERVER, json=crossed).status_code == 401, "and to its realm"


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_many_addresses_cost_no_more_and_keep_out_nobody_who_is_known(server: RunningServer) -> None:
    server.admin.users.add("besieged", "viewer", PASSWORD)
    with attacker(server, "127.0.0.77") as home:
        assert tried(home, "besieged", PASSWORD).status_code == 200
        looked_at = 0
        for number in range(40):
            with attacker(server, f"127.0.1.{number + 1}") as http:
                looked_at += sum(tried(http, "besieged", f"wrong {n}").status_code == 401 for n in range(2))
        assert looked_at < ACCOUNT.tries + 10
        assert tried(home, "besieged", PASSWORD).status_code == 200


@pytest.mark.spec("6: throttling after failed log-ins without locking the victim out")
def test_many_names_cost_few_looks(server: RunningServer) -> None:
    with attacker(server, "127.0.0.55") as http, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda n: tried(http, f"name {n}", "a wrong password").status_code, range(300))
        counted = Counter(answers)
        assert set(counted) == {401, 429}
        assert counted[401] < SHARED_PLACE.tries * 2, "one more for each second it took"


@pytest.mark.spec("4: Unusual Activity: failed log-ins, a flood of them in few entries")
def test_a_flood_of_failures_does_not_flood_the_log(start: Start) -> None:
    server = start()
    with attacker(server) as http:
        flood(http, 200, "admin")
        flood(http, 30, "other")
        for _ in range(30):
            http.post("/setup", json={"code": "wrong", "password": PASSWORD})
    server.stop()
    server.restart()
    told = server.admin.log.list(level="unusual_activity", match="only", limit=1000).entries
    assert 15 <= len(told) <= 2 * IN_ALL
    by_itself = [entry for entry in told if entry.message == "Failed log-in as 'admin'."]
    assert by_itself[0].client_address == "127.0.0.1"
    (summary,) = [entry for entry in told if "more failed log-ins" in entry.message]
    assert "turned away" in summary.message
    assert "as admin: 19" in summary.details
    assert "from 127.0.0.1: " in summary.details

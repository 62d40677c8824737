"""People without an account submit a defect, through the form and the API: that, nothing else, and not too fast.

Every test comes from an address of its own, because submissions are counted by it.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from tests.acceptance.conftest import House
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.html_pages import Page
from tests.running import RunningServer
from trackkit.api import submit_pages as pages
from trackkit.client import reach_local
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX
from trackkit.contract.wire import WireError
from trackkit.domain.errors import Conflict, DatabaseUnavailable, InvalidInput, NotFound, TooManyAttempts
from trackkit.domain.project.submission import MAXIMUM_BODY, PLACE, SERVER

FORM = "3: solosubmit: people without an account submit a defect, nothing else, on a plain HTML form, rate-limited"
ALONE = "9: solosubmit needs no account and can only submit a defect"
API = PREFIX + "/project/submissions"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
NASTY = "<script>alert(1)</script> \"'>&amp;</textarea><b>"
SAMPLE = ("sample", "ana", "trackkit sample")

_ADDRESSES = itertools.count(10)


@contextmanager
def visitor(server: RunningServer, address: str = "") -> Iterator[httpx.Client]:
    """Somebody at an address of this machine, each time another one."""
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    number = next(_ADDRESSES)
    own = address or f"127.0.{number // 250}.{number % 250 + 1}"
    transport = httpx.HTTPTransport(verify=anything, local_address=own)
    with httpx.Client(base_url=server.url, transport=transport, timeout=60, trust_env=False) as http:
        yield http


def defect(database: str, **changes: str) -> dict[str, str]:
    return {"database": database, "title": "It stops", "description": "Every day.", **changes}


def count(house: House, database: str) -> int:
    with house.project(database) as project:
        return project.list("defect").total


@pytest.fixture(scope="module")
def taking(house: House) -> str:
    """A database that takes defects without an account."""
    return house.make("taking", solosubmit=True, description="The <i>web</i> shop")


@pytest.mark.spec(FORM)
@pytest.mark.spec(ALONE)
def test_a_defect_comes_in_through_the_form(house: House, taking: str) -> None:
    house.make("beside", solosubmit=True)
    with visitor(house.server) as http:
        choice = Page(http.get("/submit").text)
        (link,) = [attributes["href"] for attributes, text in choice.all("a") if text == taking]
        page = Page(http.get(link).text)
        assert page.typed == {"database": taking, "title": "", "description": "", "submitter": "", "email": ""}
        typed = {
            **page.typed,
            "title": "It stops",
            "description": "One\r\n\r\nTwo",
            "submitter": "Zoë",
            "email": "z@b.test",
        }
        answer = http.post("/submit", data=typed)
        assert (answer.status_code, answer.text) == (303, "")
        thanks = answer.headers["Location"]
        assert "Its number is 1." in http.get(thanks).text.replace("<b>", "").replace("</b>", "")
        assert http.get(thanks).status_code == 200, "loaded again"
    with house.project(taking) as project:
        (stored,) = project.list("defect").items
    assert (stored.created_by, stored.changed_by, stored.values["status"]) == ("solosubmit", "solosubmit", "new")
    assert (stored.values["reporter"], stored.values["owner"]) == (None, None)
    assert stored.values["description"] == (
        "Submitted without an account.\nName: Zoë\nE-mail address: z@b.test\n\nOne\n\nTwo"
    )
    entry = house.admin.log.list(source="solosubmit", limit=1).entries[0]
    assert entry.message == "Defect 1 was submitted without an account."
    assert entry.database == taking
    assert re.fullmatch(r"127\.0\.\d+\.\d+", entry.client_address)
    assert entry.username == ""


@pytest.mark.spec(ALONE)
def test_without_an_account_nothing_else_is_possible(house: House, taking: str) -> None:
    with visitor(house.server) as http:
        answer = http.post(API, json=defect(taking))
        assert answer.status_code == 200
        assert set(answer.json()) == {"number", "message"}
        offered = http.get(API + "/databases").json()["databases"]
        assert {"name": taking, "description": "The <i>web</i> shop"} in offered
        for operation in OPERATIONS.values():
            if operation.role is not None or operation.realm == "project":
                path = re.sub(r"{\w+}", "1", operation.path)
                assert http.request(operation.method, PREFIX + path, json={}).status_code in (401, 422), operation.name
        for more in ({"owner": "administrator"}, {"status": "closed"}, {"kind": "user"}, {"number": 1}):
            assert http.post(API, json={**defect(taking), **more}).status_code == 422


@pytest.mark.spec(ALONE)
def test_nobody_learns_which_databases_there_are(house: House, taking: str) -> None:
    silent = house.make("silent")
    inactive = house.make("inactive", solosubmit=True, active=False)
    wanted = [silent, inactive, "no such database", "x\x00y", "../etc", "postgresql://u:secret@h/d", " ", "x" * 900]
    errors, shown = set(), set()
    for name in wanted:
        with visitor(house.server) as http:
            answer = http.post(API, json=defect(name))
            errors.add((answer.status_code, answer.text))
            refused = http.post("/submit", data=defect(name))
            shown.add((refused.status_code, Page(refused.text).alert))
            assert Page(refused.text).typed["title"] == "It stops", "what was typed is kept"
    assert len(errors) == len(shown) == 1
    ((status, text),) = errors
    assert (status, WireError.model_validate_json(text).code) == (404, "not_found")
    assert shown == {(404, "No project of that name takes defects without an account here.")}
    with visitor(house.server) as http:
        for path in (f"/submit/{silent}", "/submit/nothing", "/submit/", "/submit/a/b/../../c"):
            page = http.get(path)
            assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        offered = {database["name"] for database in http.get(API + "/databases").json()["databases"]}
    assert taking in offered
    assert not offered & {silent, inactive}


@pytest.mark.spec(FORM)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(house: House, taking: str) -> None:
    before = count(house, taking)
    typed = defect(taking, title=NASTY + "x" * 300, description=f"\n{NASTY}\n", submitter=NASTY, email=NASTY)
    with visitor(house.server) as http:
        for _ in range(PLACE.tries + 3):  # what is refused is not counted
            answer = http.post("/submit", data=typed)
            assert answer.status_code == 422
        page = Page(answer.text)
        assert page.problems == {"title": "This is longer than 300 characters.", "email": "This is no e-mail address."}
        assert page.alert == "The defect was refused; nothing was stored."
        assert page.typed == typed
        assert not page.all("script")
        assert [text for _, text in page.all("b")] == [taking]
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        labels = {attributes["for"] for attributes, _ in page.all("label")}
        assert labels == {"title", "description", "submitter", "email"} <= set(ids)
        described = [a["aria-describedby"].split() for _, a, _ in page.elements if "aria-describedby" in a]
        assert set(itertools.chain.from_iterable(described)) <= set(ids)
        assert [a["id"] for _, a, _ in page.elements if "autofocus" in a] == ["title"], "the first that is wrong"
        assert Page(http.post("/submit", data={"database": taking}).text).problems == {
            "title": "This is missing.",
            "description": "This is missing.",
        }
    assert count(house, taking) == before


def test_markup_and_odd_characters_are_stored_as_they_are_and_shown_as_text(house: House, taking: str) -> None:
    with visitor(house.server) as http:
        typed = defect(
            taking, title=NASTY, description=f"{NASTY}\n\x07\x1b[31m\N{SNOWMAN}😀", submitter=NASTY, email="<b>@<i>"
        )
        assert http.post("/submit", data=typed).status_code == 303
    with house.project(taking) as project:
        stored = project.list("defect", descending=True, limit=1).items[0]
    assert stored.values["title"] == NASTY
    assert str(stored.values["description"]).endswith(f"E-mail address: <b>@<i>\n\n{typed['description']}")
    with visitor(house.server) as http:
        assert "<i>web</i>" not in http.get("/submit").text
        own = pages.path_to(taking)
        for forged in ("<script>1</script>", "-1", "1e5", "١٢", "9" * 5000, ""):
            page = http.get(own, params={"thanks": forged})
            assert (page.status_code, Page(page.text).typed["database"]) == (200, taking), "the form, and no thanks"


HOSTILE: list[tuple[dict[str, str], bytes, int]] = [
    ({"Content-Type": "application/json"}, b'{"title": "x"}', 415),
    ({"Content-Type": "text/plain"}, urlencode(defect("x")).encode(), 415),
    ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
    ({}, urlencode(defect("x")).encode(), 415),
    ({"Content-Type": URLENCODED["Content-Type"] + "; charset=utf-7"}, b"database=x", 415),
    (URLENCODED, b"", 422),
    (URLENCODED, b"title=x", 422),
    (URLENCODED, b"just text", 400),
    (URLENCODED, b"title=%ff%fe&database=x", 400),
    (URLENCODED, "title=ü".encode(), 400),
    (URLENCODED, b"title=%00&description=%00&database=x", 422),
    (URLENCODED, b"title=a%0D%0Ab&description=x&database=x", 422),
    (URLENCODED, b"database=x&title=a&description=b&owner=ana", 422),
    (URLENCODED, b"database=x&title=a&title=b&description=b", 422),
    (URLENCODED, b"database=x&" + b"a=1&" * 30_000 + b"title=a", 400),
    (URLENCODED, b"description=" + b"x" * 1_000_000, 413),
    (URLENCODED, b"\x00\xff" * 1000, 400),
]


@pytest.mark.parametrize(("headers", "body", "status"), HOSTILE, ids=lambda value: str(value)[:40])
def test_what_is_no_form_of_ours_is_refused_in_words(
    house: House, taking: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    before = count(house, taking)
    with visitor(house.server) as http:
        answer = http.post(
            "/submit", content=body.replace(b"database=x", b"database=" + taking.encode()), headers=headers
        )
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "nothing was stored" in Page(answer.text).alert
    assert count(house, taking) == before


def test_a_body_without_a_length_is_bounded_too(house: House) -> None:
    with visitor(house.server) as http:
        endless = (b"x" * 65_536 for _ in range(1000))
        assert http.post("/submit", content=endless, headers=URLENCODED).status_code == 413
        long = defect("x", description="x" * MAXIMUM_BODY)
        assert http.post(API, json=long).status_code == 413


def test_the_longest_texts_there_may_be_fit_through_both(house: House) -> None:
    database = house.make("long", solosubmit=True)
    full = defect(
        database, title="😀" * 300, description="😀" * 20_000, submitter="😀" * 100, email="😀" * 250 + "@b.d"
    )
    with visitor(house.server) as http:
        assert http.post("/submit", data=full).status_code == 303
        body = json.dumps(full, ensure_ascii=True)
        assert http.post(API, content=body, headers={"Content-Type": "application/json"}).status_code == 200
        assert http.post("/submit", data=defect(database, description="x" * 20_001)).status_code == 422
    assert count(house, database) == 2


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, False),
        ({"Origin": "OWN"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.test"}, False),
        ({"Origin": "OWN.evil.test"}, False),
        ({"Origin": ""}, False),
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused(house: House, taking: str, headers: dict[str, str], taken: bool) -> None:
    before = count(house, taking)
    sent = {name: value.replace("OWN", house.server.url) for name, value in headers.items()}
    with visitor(house.server) as http:
        answer = http.post("/submit", data=defect(taking), headers=sent)
        assert answer.status_code == (303 if taken else 403)
        if not taken:
            assert "another site" in Page(answer.text).alert
    assert count(house, taking) == before + taken


def test_every_page_allows_no_script_no_frame_and_no_copy(house: House, taking: str) -> None:
    with visitor(house.server) as http:
        answers = [
            http.get("/submit"),
            http.head("/submit"),
            http.get("/submit/nothing"),
            http.post("/submit", data=defect(taking)),
            http.post("/submit", data=defect(taking, title="")),
            http.post("/submit", json={}),
            *(http.request(method, "/submit") for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "XYZ")),
            http.post("/submit/nothing"),
        ]
    for answer in answers:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {
            "default-src": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    others = answers[6:]
    assert {answer.status_code for answer in others} == {405}
    assert {answer.headers["Content-Type"] for answer in others} == {"text/html; charset=utf-8"}
    assert others[0].headers["Allow"] == "GET, HEAD, POST"


def test_who_goes_away_while_sending_is_no_defect_of_the_server(house: House) -> None:
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    head = "POST /submit HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", house.server.port)) as plain, anything.wrap_socket(plain) as secure:
            secure.sendall(f"{head}Content-Length: 1000\r\n\r\ntitle=".encode())
    with visitor(house.server) as http:
        assert http.get("/submit").status_code == 200
    assert not [entry for entry in house.admin.log.list(text="/submit", limit=50).entries if "Defect" in entry.message]


def test_a_database_that_is_away_is_told_without_saying_where_it_lies(house: House, tmp_path: Path) -> None:
    name = house.admin.databases.create("away today", settings={"solosubmit": True}).name
    folder = house.server.data / "databases" / name
    shutil.move(folder, tmp_path / "away")
    try:
        with visitor(house.server) as http:
            answer = http.post("/submit", data=defect(name))
            assert answer.status_code == 503
            page = Page(answer.text)
            assert page.alert == (
                "The project cannot be reached at the moment; your defect was not stored. Try again later."
            )
            assert page.typed == {**defect(name), "submitter": "", "email": ""}
            told = http.post(API, json=defect(name))
            assert (told.status_code, told.json()["code"]) == (503, DatabaseUnavailable.code)
            assert str(house.server.data) not in told.text + answer.text
    finally:
        shutil.move(tmp_path / "away", folder)
        house.admin.databases.remove(name)


@pytest.mark.spec(FORM)
def test_without_a_license_nobody_submits(database_url: str | None, start: Start) -> None:
    server = start(database_url=database_url, sample=True)
    with visitor(server) as http:
        assert Page(http.get("/submit").text).typed["database"] == "sample", "the only one is not asked for"
    (evaluation,) = server.admin.licenses.list().licenses
    server.admin.licenses.delete(evaluation.license_id)
    with visitor(server) as http:
        assert http.get(API + "/databases").json() == {"databases": []}
        for answer in (http.get("/submit"), http.get("/submit/sample"), http.post("/submit", data=defect("sample"))):
            assert answer.status_code == 409
            assert "no solosubmit license" in Page(answer.text).alert
        refused = http.post(API, json=defect("no such database"))
        assert (refused.status_code, refused.json()["code"]) == (409, Conflict.code)


def test_nothing_takes_defects_unless_it_is_switched_on(start: Start) -> None:
    server = start()
    server.admin.databases.create("plain")
    with visitor(server) as http:
        page = http.get("/submit")
    assert page.status_code == 200
    assert "No project takes defects without an account" in page.text


def flood(server: RunningServer, addresses: list[str], path: str, **sent: object) -> list[httpx.Response]:
    """One submission from each of these addresses, sixteen at a time."""

    def one(address: str) -> httpx.Response:
        with visitor(server, address) as http:
            return http.post(path, **sent)  # type: ignore[arg-type]

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, addresses))


@pytest.mark.spec(FORM)
def test_a_hundred_at_once_from_one_address_and_from_many(database_url: str | None, start: Start) -> None:
    server = start(database_url=database_url, sample=True)
    with server.admin.project(*SAMPLE) as project:
        before = project.list("defect").total
    answers = flood(server, ["127.0.0.2"] * 100, "/submit", data=defect("sample"))
    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) == {303, 429}
    assert PLACE.tries <= counted[303] <= PLACE.tries + 2, "and one for each minute it took"
    turned_away = next(answer for answer in answers if answer.status_code == 429)
    seconds = int(turned_away.headers["Retry-After"])
    assert 1 <= seconds <= 60
    page = Page(turned_away.text)
    assert "too many submissions from your address" in page.alert
    assert f"try again in {seconds} second" in page.alert
    assert "password" not in turned_away.text.replace("Everybody knows its password", "")
    assert page.typed["title"] == "It stops", "what was typed is kept"

    others = flood(server, [f"127.0.1.{n}" for n in range(1, 101)], API, json=defect("sample"))
    let_in = sum(answer.status_code == 200 for answer in others)
    stored = counted[303] + let_in
    assert {answer.status_code for answer in others} == {200, 429}
    assert SERVER.tries <= stored <= SERVER.tries + 12, "and one for each ten seconds it took"
    refused = next(answer for answer in others if answer.status_code == 429)
    assert refused.json()["code"] == TooManyAttempts.code
    assert "too many submissions to this server" in refused.json()["message"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    with server.admin.project(*SAMPLE) as project:
        assert project.list("defect").total == before + stored
    server.stop()
    server.restart()
    told = server.admin.log.list(source="solosubmit", limit=1000).entries
    summaries = [entry for entry in told if "turned away" in entry.message]
    assert 1 <= len(summaries) <= 3, "a flood is summed up"
    assert sum(int(entry.message.split()[0]) for entry in summaries) == 200 - stored
    assert all(entry.level == "unusual_activity" for entry in summaries)
    assert "from 127.0.0.2: " in summaries[-1].details
    assert len(told) == stored + len(summaries)


def test_in_python_no_log_in_is_needed(house: House, taking: str) -> None:
    before = count(house, taking)
    with reach_local(house.server.data) as server:
        assert taking in [database.name for database in server.submission_databases().databases]
        done = server.submit_defect(taking, "By Python", "Every day.", email="a@b.test")
        assert done.number > before
        assert str(done.number) in done.message
        with pytest.raises(NotFound):
            server.submit_defect("no such database", "x", "x")
        with pytest.raises(InvalidInput) as caught:
            server.submit_defect(taking, "x", "x", email="nobody")
        assert [problem.field for problem in caught.value.problems] == ["email"]


def test_on_the_command_line(start: Start, tmp_path: Path) -> None:
    server = start(sample=True)
    command_line = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})
    listed = json.loads(command_line("project", "databases", "--submissions", "--json"))
    assert [database["name"] for database in listed["databases"]] == ["sample"]
    said = command_line("project", "submit", "--title", "By command", "--name", "Zoë", stdin="Line 1\nLine 2\n")
    number = re.search(r"its number is (\d+)", said)
    assert number
    (tmp_path / "text").write_text("From a file", encoding="utf-8")
    words = ["project", "submit", "--title", "x", "--file", str(tmp_path / "text"), "-d", "SAMPLE", "--json"]
    assert json.loads(command_line(*words))["number"] == int(number[1]) + 1
    with server.admin.project(*SAMPLE) as project:
        assert "Name: Zoë" in str(project.show("defect", number[1]).values["description"])
    (tmp_path / "text").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in command_line.run(*words).stderr
    assert command_line.run("project", "submit", "--title", " ", stdin="x").returncode == 2
    server.admin.databases.edit("sample", {"solosubmit": False})
    refused = command_line.run("project", "submit", "--title", "x", stdin="x")
    assert refused.returncode == 2
    assert "None of this server takes defects" in refused.stderr


def test_no_project_user_can_pass_for_those_without_an_account(house: House, taking: str) -> None:
    with house.project(taking) as project:
        with pytest.raises(InvalidInput) as caught:
            project.add("user", name="SoloSubmit")
        assert [problem.field for problem in caught.value.problems] == ["name"]
        project.add("user", name="solo")
        with pytest.raises(InvalidInput):
            project.edit("user", "solo", {"name": "solosubmit"})
    with pytest.raises(InvalidInput):
        house.admin.databases.create(house.new_name(), administrator="solosubmit", administrator_password="x" * 12)

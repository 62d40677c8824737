"""Two realms behind one log-in page: real server, real dashboards, real kernels; what is refused, and how."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

import trackkit
from tests.conftest import Start
from tests.dashboards import PAGE, PROJECT_PAGE, RunningDashboards, Visitor, without_cells
from tests.ports import wait_until
from tests.running import RunningServer
from tests.unit import client_peers as peers
from trackkit.client import reach
from trackkit.contract.wire import AUTOMATIC_HEADER
from trackkit.dashboard.door import Door
from trackkit.dashboard.kernels import VisitorKernels
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import Visits
from trackkit.domain.errors import InvalidInput, NotLoggedIn

PASSWORD = "trackkit sample"
ADA = "ada's password"
ONE_PAGE = "0: one log-in page, two realms; each dashboard opens only to its realm and role"


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    """With the sample (listed), a project that is not listed, and ada, a viewer of the server."""
    server = start_for_module(sample=True, seats=50)
    server.admin.users.add("ada", "viewer", ADA)
    server.admin.databases.create("Unlisted", settings={"in_web_list": False}, administrator_password=PASSWORD)
    server.admin.users.edit("admin", password="the admin's password")
    server.admin.close()
    del server.admin
    return server


@pytest.fixture(scope="module")
def dashboards(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDashboards]:
    home = tmp_path_factory.mktemp("dashboards")
    running = RunningDashboards(server, home, folder=without_cells(home / "pages")).start()
    yield running
    running.stop()


@pytest.fixture
def ana(dashboards: RunningDashboards) -> Iterator[Visitor]:
    """A user of the sample project, logged out afterwards."""
    visitor = dashboards.visitor()
    assert visitor.log_in("ana", PASSWORD, "sample").headers["Location"] == "/"
    yield visitor
    visitor.post("/logout")


@pytest.fixture
def ada(dashboards: RunningDashboards) -> Iterator[Visitor]:
    """A viewer of the server."""
    visitor = dashboards.visitor()
    visitor.log_in("ada", ADA)
    yield visitor
    visitor.post("/logout")


def chosen(page: str) -> str:
    """The value that is chosen in *Log in to*."""
    (value,) = re.findall(r'<option value="([^"]*)" selected>', page)
    return str(value)


def project_sessions(server: RunningServer, username: str) -> list[Any]:
    return [one for one in server.admin.sessions.list().sessions if (one.kind, one.username) == ("project", username)]


def status(visitor: Visitor, method: str, path: str) -> int:
    visitor.xsrf  # noqa: B018 - makes sure there is one
    return visitor.http.request(method, path, headers={"X-XSRFToken": visitor.http.cookies["_xsrf"]}).status_code


@pytest.mark.spec("9: the web client: log-in page with the server's text and the web database list, records")
def test_the_log_in_page_offers_the_server_and_the_web_list(
    server: RunningServer, dashboards: RunningDashboards
) -> None:
    server.admin.options.set({"server.login_text": "Mind the <gap>"})
    page = dashboards.visitor().http.get("/login").text
    server.admin.options.set({"server.login_text": ""})
    assert "Mind the &lt;gap&gt;" in page
    assert re.findall(r'<option value="([^"]*)"', page) == ["server", "project:sample", "other"]
    assert "sample – Made up, to look around in." in page
    assert "Unlisted" not in page
    assert chosen(page) == "server"
    assert "<script" not in page


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("/login?next=%2F", "server"),
        (f"/login?next={PAGE}", "server"),
        (f"/login?next={PROJECT_PAGE}", "project:sample"),
        ("/login?database=SAMPLE", "project:sample"),
        ("/login?database=Unlisted", "other"),
    ],
)
def test_where_one_was_going_is_chosen_already(dashboards: RunningDashboards, address: str, value: str) -> None:
    page = dashboards.visitor().http.get(address).text
    assert chosen(page) == value
    if value == "other":
        assert 'value="Unlisted"' in page


@pytest.mark.spec(ONE_PAGE)
def test_each_realm_gets_to_its_own_dashboard_and_is_told_why_not_to_the_other(ana: Visitor, ada: Visitor) -> None:
    assert ana.http.get("/").headers["Location"] == PROJECT_PAGE
    assert ada.http.get("/").headers["Location"] == PAGE
    for visitor, other, words in (
        (
            ana,
            PAGE,
            ("<b>ana</b>", "account of the project <b>sample</b>", "accounts of the server itself only", "Project</a>"),
        ),
        (ada, PROJECT_PAGE, ("<b>ada</b>", "<b>viewer</b>", "opens to accounts of a project only", "Mail queue and")),
    ):
        refused = visitor.http.get(other)
        assert refused.status_code == 403
        for piece in (*words, "Log in as somebody else"):
            assert piece in refused.text
        assert f'name="next" value="{other}"' in refused.text
        assert refused.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert visitor.http.post(other, data={"_xsrf": visitor.xsrf}).status_code == 403
        assert visitor.http.get(PROJECT_PAGE.replace("project", "nothing")).status_code == 404


def test_somebody_else_logs_in_to_where_one_was_refused(dashboards: RunningDashboards) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("ada", ADA)
    left = visitor.post("/logout", next=PROJECT_PAGE)
    assert left.headers["Location"] == f"/login?notice=left&next={PROJECT_PAGE.replace('/', '%2F')}"
    assert chosen(visitor.http.get(left.headers["Location"]).text) == "project:sample"
    assert visitor.log_in("ana", PASSWORD, "sample", next=PROJECT_PAGE).headers["Location"] == PROJECT_PAGE
    left = visitor.post("/logout")
    assert chosen(visitor.http.get(left.headers["Location"]).text) == "project:sample", "what one was in before"


def test_who_chooses_another_realm_than_the_page_is_of_gets_to_their_own(dashboards: RunningDashboards) -> None:
    visitor = dashboards.visitor()
    assert visitor.log_in("ana", PASSWORD, "sample", next=PAGE).headers["Location"] == "/"


def test_a_project_that_is_not_listed_is_logged_in_to_by_its_name(dashboards: RunningDashboards) -> None:
    visitor = dashboards.visitor()
    answer = visitor.log_in("administrator", PASSWORD, to="other", other=" unlisted ")
    assert answer.status_code == 302
    page = visitor.http.get(PROJECT_PAGE)
    assert "in Unlisted</small>" in page.text


@pytest.mark.spec("0: each kernel acts as that person and nobody else can attach to it")
def test_a_kernel_of_a_project_user_has_their_session_and_no_other(
    server: RunningServer, dashboards: RunningDashboards, ana: Visitor
) -> None:
    before = {kernel.pid for kernel in dashboards.kernels()}
    page = ana.http.get(PROJECT_PAGE).text
    assert re.search(r'tk-who">\s*ana <small>in sample</small>', page)
    assert '<nav aria-label="Dashboards">' not in page, "there is one only"
    (kernel,) = [kernel for kernel in dashboards.kernels() if kernel.pid not in before]
    environment = kernel.environ()
    assert "TRACKKIT_TOKEN" not in environment
    token = environment["TRACKKIT_PROJECT_TOKEN"]
    with reach(server.url, fingerprint=server.fingerprint) as reached:
        session = reached.project_session(token).session()
        assert (session.username, session.database, session.client) == ("ana", "sample", "web")
    with pytest.raises(NotLoggedIn):
        trackkit.connect(server.url, token=token, fingerprint=server.fingerprint)


@pytest.mark.spec("0: each kernel acts as that person and nobody else can attach to it")
def test_nobody_reaches_a_kernel_of_the_other_realm(dashboards: RunningDashboards, ana: Visitor, ada: Visitor) -> None:
    kernels = {"ana": ana.open_page(PROJECT_PAGE), "ada": ada.open_page()}

    async def attach(visitor: Visitor, kernel_id: str) -> None:
        url = f"{dashboards.url}/api/kernels/{kernel_id}/channels".replace("http", "ws", 1)
        (await websocket_connect(HTTPRequest(url, headers={"Cookie": visitor.cookie_header}))).close()

    for visitor, own, other in ((ana, "ana", "ada"), (ada, "ada", "ana")):
        for method, path in (
            ("GET", "/api/kernels/{}"),
            ("DELETE", "/api/kernels/{}"),
            ("POST", "/voila/api/shutdown/{}"),
        ):
            assert status(visitor, method, path.format(kernels[other])) == 404, (own, method, path)
        with pytest.raises(HTTPClientError) as refused:
            asyncio.run(attach(visitor, kernels[other]))
        assert refused.value.code == 404
        asyncio.run(attach(visitor, kernels[own]))
        assert status(visitor, "GET", f"/api/kernels/{kernels[own]}") == 200


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"to": "project:sample", "username": "ana", "password": "wrong one"}, 401, "user name or password is wrong"),
        ({"to": "project:sample", "username": "nobody", "password": PASSWORD}, 401, "user name or password is wrong"),
        ({"to": "project:nothing", "username": "ana", "password": PASSWORD}, 401, "user name or password is wrong"),
        ({"to": "other", "other": "nothing", "username": "ana", "password": PASSWORD}, 401, "password is wrong"),
        ({"to": "other", "other": " ", "username": "ana", "password": PASSWORD}, 422, "Enter the name of the project."),
        ({"to": "elsewhere", "username": "ana", "password": PASSWORD}, 422, "Enter the name of the project."),
        ({"to": "project:sample", "username": "ana", "password": ""}, 422, "Enter your password."),
        ({"to": "project:sample", "username": "", "password": PASSWORD}, 422, "Enter your user name."),
        ({"to": "other", "other": "x" * 2000, "username": "ana", "password": PASSWORD}, 422, "database"),
        ({"to": "other", "other": "<b>/../..", "username": "ana", "password": PASSWORD}, 401, "password is wrong"),
        ({"to": "server", "username": "ana", "password": PASSWORD}, 401, "User name or password is wrong."),
        ({"to": "project:sample", "username": "ada", "password": ADA}, 401, "user name or password is wrong"),
    ],
)
@pytest.mark.spec(ONE_PAGE)
def test_a_refused_log_in_says_why_and_keeps_what_was_chosen(
    dashboards: RunningDashboards, fields: dict[str, str], code: int, words: str
) -> None:
    visitor = dashboards.visitor()
    answer = visitor.post("/login", **fields)
    assert answer.status_code == code
    assert 'role="alert"' in answer.text
    assert words in answer.text
    listed = fields["to"] in ("server", "project:sample")
    assert chosen(answer.text) == (fields["to"] if listed else "other")
    if fields["to"] == "project:nothing":
        assert 'name="other" value="nothing"' in answer.text
    assert f'name="username" value="{fields["username"]}"' in answer.text
    assert "<b>/" not in answer.text
    if len(fields["password"]) > 1:
        assert fields["password"] not in answer.text.replace(
            "Everybody knows its password, &#39;trackkit sample&#39;", ""
        )
    assert set(visitor.http.cookies) == {"_xsrf"}, "no visit"


def test_inactive_and_absent_databases_are_refused_and_nothing_else_is(
    server: RunningServer, dashboards: RunningDashboards
) -> None:
    databases = server.admin.databases
    for name in ("Asleep", "Away"):
        databases.create(name, administrator_password=PASSWORD)
    databases.edit("Asleep", {"active": False})
    answer = dashboards.visitor().log_in("administrator", PASSWORD, "Asleep")
    assert answer.status_code == 401
    assert "not active" in answer.text
    assert 'name="other" value="Asleep"' in answer.text, "it is not offered any more"

    visitor = dashboards.visitor()
    assert visitor.log_in("administrator", PASSWORD, "Away").status_code == 302
    place = server.data / "databases" / "Away"
    place.rename(server.data / "elsewhere")
    answer = dashboards.visitor().log_in("administrator", PASSWORD, "Away")
    assert answer.status_code == 503
    assert "is not available now" in answer.text
    assert "It comes back by itself" in answer.text
    assert chosen(answer.text) == "project:Away"
    assert visitor.http.get(PROJECT_PAGE).status_code == 200, "the session stays; what is done in it says why not"
    assert visitor.post("/logout").status_code == 302
    assert [one for one in project_sessions(server, "administrator") if one.database == "Away"] == [], "it ends too"
    (server.data / "elsewhere").rename(place)


def test_failed_log_ins_of_one_project_user_keep_out_nobody_else_nor_who_was_here_before(
    dashboards: RunningDashboards,
) -> None:
    regular, attacker = dashboards.visitor(), dashboards.visitor()
    assert regular.log_in("ben", PASSWORD, "sample").status_code == 302
    proofs = [name for name in regular.http.cookies if "-proof" in name]
    assert len(proofs) == 1
    answers = [attacker.log_in("ben", f"guess number {n}", "sample") for n in range(40)]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert "try again in" in answers[-1].text
    assert chosen(answers[-1].text) == "project:sample"
    assert dashboards.visitor().log_in("chen", PASSWORD, "sample").status_code == 302, "another user"
    assert dashboards.visitor().log_in("ada", ADA).status_code == 302, "the other realm"
    assert regular.log_in("ben", PASSWORD, "sample").status_code == 302, "the browser that was here before"


def test_a_browser_keeps_the_proof_of_each_realm(dashboards: RunningDashboards) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("ada", ADA)
    visitor.log_in("ana", PASSWORD, "sample")
    visitor.log_in("administrator", PASSWORD, to="other", other="Unlisted")
    kept = [cookie for cookie in visitor.http.cookies.jar if "-proof" in cookie.name]
    assert len({cookie.value for cookie in kept}) == 3
    assert {cookie.path for cookie in kept} == {"/login"}
    assert not any("ample" in cookie.name or "nlisted" in cookie.name for cookie in kept), "names of projects stay here"


def test_a_second_log_in_ends_the_first_visit_whatever_its_realm(
    server: RunningServer, dashboards: RunningDashboards
) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("dora", PASSWORD, "sample")
    kernel_id = visitor.open_page(PROJECT_PAGE)
    assert len(project_sessions(server, "dora")) == 1
    visitor.log_in("ada", ADA)
    assert project_sessions(server, "dora") == []
    assert status(visitor, "GET", f"/api/kernels/{kernel_id}") == 404
    assert visitor.http.get(PAGE).status_code == 200


def test_log_out_ends_the_visit_its_kernels_and_the_project_session(
    server: RunningServer, dashboards: RunningDashboards
) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("dora", PASSWORD, "sample")
    before = {kernel.pid for kernel in dashboards.kernels()}
    visitor.open_page(PROJECT_PAGE)
    (kernel,) = [kernel for kernel in dashboards.kernels() if kernel.pid not in before]
    cookies = dict(visitor.http.cookies)
    assert visitor.post("/logout").headers["Location"] == "/login?notice=left&database=sample"
    wait_until(lambda: not kernel.is_running(), what="the end of the kernel")
    visitor.http.cookies.update(cookies)
    assert visitor.http.get(PROJECT_PAGE).status_code == 302
    assert project_sessions(server, "dora") == []


@pytest.mark.spec("0: an operator ends project sessions")
def test_a_session_that_an_administrator_ended_leads_back_to_the_log_in(
    server: RunningServer, dashboards: RunningDashboards
) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("emil", PASSWORD, "sample")
    before = {kernel.pid for kernel in dashboards.kernels()}
    visitor.open_page(PROJECT_PAGE)
    (kernel,) = [kernel for kernel in dashboards.kernels() if kernel.pid not in before]
    server.admin.databases.create("Before all others", administrator_password=PASSWORD)
    (session,) = project_sessions(server, "emil")
    assert session.client == "web"
    server.admin.sessions.end(session.session_id)
    answer = visitor.http.get(PROJECT_PAGE)
    assert answer.headers["Location"] == f"/login?next={PROJECT_PAGE.replace('/', '%2F')}"
    wait_until(lambda: not kernel.is_running(), what="the end of the kernel")
    for address in (answer.headers["Location"], "/login"):
        assert chosen(visitor.http.get(address).text) == "project:sample", "what one was in, not the first"
    assert chosen(visitor.http.get(f"/login?next={PAGE}").text) == "server"


def test_the_sweep_ends_visits_whose_project_session_has_ended_and_no_others(server: RunningServer) -> None:
    server.admin.databases.create("Short", administrator_password=PASSWORD)
    with server.admin.project("Short", "administrator", PASSWORD) as project:
        project.add("user", name="fired", password=PASSWORD)
    ended: list[str] = []

    async def end_kernels(kernel_ids: list[str]) -> None:
        ended.extend(kernel_ids)

    async def story() -> None:
        visits = Visits()
        kernels = cast(VisitorKernels, SimpleNamespace(end_kernels=end_kernels))
        door = Door(visits, TrackkitServer(server.url, server.fingerprint), kernels, logging.getLogger("test"))
        with pytest.raises(InvalidInput):
            await door.enter("administrator", "", database="Short")
        ada, _ = await door.enter("ada", ADA)
        fired, _ = await door.enter("fired", PASSWORD, database="Short")
        stays, _ = await door.enter("administrator", PASSWORD, database="Short")
        for visitor in (ada, fired, stays):
            visitor.kernels.append(f"kernel of {visitor.username}")
        await door.sweep()
        assert list(visits) == [ada, fired, stays]
        with server.admin.project("Short", "administrator", PASSWORD) as project:
            project.edit("user", "fired", {"active": False})
        await door.sweep()
        assert list(visits) == [ada, stays]
        server.admin.databases.edit("Short", {"active": False})
        await door.sweep()
        assert list(visits) == [ada]
        assert ended == ["kernel of fired", "kernel of administrator"]
        await door.leave(ada)

    asyncio.run(story())


@pytest.mark.spec("7: server: an automatic refresh is not activity")
@pytest.mark.parametrize(("realm", "operation"), [("server", "session.current"), ("project", "project.session")])
def test_a_sweep_is_no_activity_and_opening_a_page_is(realm: Any, operation: str) -> None:
    with peers.serving(peers.Authority().certificate()) as api:
        asked = TrackkitServer(api.url, api.fingerprint)
        asyncio.run(asked.check(realm, "a token", automatic=True))
        assert api.last(operation).headers[AUTOMATIC_HEADER] == "1"
        asyncio.run(asked.check(realm, "a token", automatic=False))
        assert AUTOMATIC_HEADER not in api.last(operation).headers
        assert api.last(operation).headers["Authorization"] == "Bearer a token"


def test_before_the_set_up_project_users_get_in_all_the_same(start: Start, tmp_path: Path) -> None:
    running = RunningDashboards(start(sample=True), tmp_path).start()
    try:
        visitor = running.visitor()
        assert visitor.http.get("/login").headers["Location"] == "/setup"
        assert "Log in with another account, or to a project" in visitor.http.get("/setup").text
        assert chosen(visitor.http.get("/login?form=login").text) == "server"
        assert chosen(visitor.http.get(f"/login?next={PROJECT_PAGE}").text) == "project:sample"
        refused = visitor.log_in("ana", "wrong", "sample")
        assert 'href="/setup"' in refused.text
        assert visitor.log_in("ana", PASSWORD, "sample").status_code == 302
        assert visitor.http.get("/").headers["Location"] == PROJECT_PAGE
    finally:
        running.stop()


def _page(folder: Path, name: str, title: str, declared: object) -> None:
    content = {"cells": [], "metadata": {"title": title, "trackkit": declared}, "nbformat": 4, "nbformat_minor": 5}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.spec(ONE_PAGE)
def test_roles_refused_declarations_and_links_between_dashboards(server: RunningServer, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    _page(folder, "a.ipynb", "For <operators>", {"realm": "server", "role": "operator"})
    _page(folder, "b.ipynb", "First", {"realm": "server"})
    _page(folder, "c.ipynb", "Second", {"realm": "server", "role": "viewer"})
    _page(folder, "d.ipynb", "Nobody's", {"realm": "everybody"})
    running = RunningDashboards(server, tmp_path, folder=folder).start()
    try:
        told = "Nobody can open dashboard d.ipynb: realm is 'everybody'; possible are server, project."
        assert running.stderr.count(told) == 1
        ada = running.visitor()
        ada.log_in("ada", ADA)
        assert ada.http.get("/").headers["Location"] == "/voila/render/b.ipynb", "the first that opens to her"
        refused = ada.http.get("/voila/render/a.ipynb")
        assert refused.status_code == 403
        assert "accounts of the server itself with the role operator or admin only" in refused.text
        assert "For &lt;operators&gt;" in refused.text
        assert ada.http.get("/voila/render/d.ipynb").status_code == 404
        page = ada.http.get("/voila/render/c.ipynb").text
        head = page[page.index("<nav") : page.index("</nav>")]
        assert re.findall(r'href="([^"]+)"( aria-current="page")?', head) == [
            ("/voila/render/b.ipynb", ""),
            ("/voila/render/c.ipynb", ' aria-current="page"'),
        ]
        ana = running.visitor()
        ana.log_in("ana", PASSWORD, "sample")
        nothing = ana.http.get("/")
        assert nothing.status_code == 403
        assert "Nothing here is open to you" in nothing.text
        assert running.stderr.count(told) == 1
    finally:
        running.stop()

"""Nobody gets a kernel, or at a kernel, who has no business there: every route, real processes, real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

import trackkit
from tests.conftest import Start
from tests.dashboards import PAGE, RunningDashboards, Visitor, without_cells
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.dashboard.access import VOILA_ROUTES
from trackkit.dashboard.door import Door
from trackkit.dashboard.kernels import PASSED_ON, VisitorKernels
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import Visits
from trackkit.domain.errors import NotLoggedIn

PASSWORDS = {"ada": "ada's password", "bob": "bob's password", "eve": "eve's password"}


@pytest.fixture(scope="module")
def server(start_for_module: Start) -> RunningServer:
    server = start_for_module()
    for name, role in (("ada", "viewer"), ("bob", "operator")):
        server.admin.users.add(name, role, PASSWORDS[name])
    return server


@pytest.fixture(scope="module")
def dashboards(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDashboards]:
    home = tmp_path_factory.mktemp("dashboards")
    running = RunningDashboards(
        server, home, environment={"SOME_SECRET": "do not pass on"}, folder=without_cells(home / "pages")
    ).start()
    yield running
    running.stop()


@pytest.fixture
def ada(dashboards: RunningDashboards) -> Iterator[Visitor]:
    """A logged-in viewer, logged out afterwards."""
    visitor = dashboards.visitor()
    assert visitor.log_in("ada", PASSWORDS["ada"]).headers["Location"] == "/"
    yield visitor
    visitor.post("/logout")


@pytest.fixture
def bob(dashboards: RunningDashboards) -> Iterator[Visitor]:
    """Another one."""
    visitor = dashboards.visitor()
    visitor.log_in("bob", PASSWORDS["bob"])
    yield visitor
    visitor.post("/logout")


@pytest.mark.spec("7: server: text on the web log-in page, 65 characters at most")
def test_the_log_in_page_shows_the_text_of_the_server(server: RunningServer, dashboards: RunningDashboards) -> None:
    assert "tk-login-text" not in dashboards.visitor().http.get("/login?form=login").text
    text = "Only for staff <b>of</b> &amp; around the mill"
    server.admin.options.set({"server.login_text": text + "." * (65 - len(text))})
    visitor = dashboards.visitor()
    refused = visitor.log_in("ada", "not her password")
    for page in (visitor.http.get("/login?form=login"), refused):
        assert "Only for staff &lt;b&gt;of&lt;/b&gt; &amp;amp; around the mill" in page.text, "as text, not as markup"
    server.admin.options.set({"server.login_text": ""})


def requests_for(kernel_id: str) -> dict[str, list[tuple[str, str]]]:
    """Voilà's routes by pattern, each with the requests that reach it. What ends the kernel comes last."""
    kernel, channels, shutdown, render, templates, static, themes, extensions = VOILA_ROUTES
    return {
        channels: [("GET", f"/api/kernels/{kernel_id}/channels")],
        render: [("GET", PAGE)],
        templates: [("GET", "/voila/templates/lab/static/voila-style.js")],
        static: [("GET", "/voila/static/voila.js")],
        themes: [("GET", "/voila/api/themes/@jupyterlab/theme-light-extension/index.css")],
        extensions: [("GET", "/voila/labextensions/@jupyter-widgets/jupyterlab-manager/package.json")],
        kernel: [("GET", f"/api/kernels/{kernel_id}"), ("DELETE", f"/api/kernels/{kernel_id}")],
        shutdown: [("POST", f"/voila/api/shutdown/{kernel_id}")],
    }


def status(visitor: Visitor, method: str, path: str) -> int:
    """What is answered when the request is well-formed in every other way."""
    visitor.xsrf  # noqa: B018 - makes sure there is one
    return visitor.http.request(method, path, headers={"X-XSRFToken": visitor.http.cookies["_xsrf"]}).status_code


@pytest.mark.spec("5: No kernel starts and no kernel websocket opens without log-in")
def test_without_log_in_every_route_is_closed_and_no_kernel_starts(dashboards: RunningDashboards, ada: Visitor) -> None:
    requests = requests_for(ada.open_page())
    assert set(requests) == set(VOILA_ROUTES)
    before = {kernel.pid for kernel in dashboards.kernels()}
    anonymous = dashboards.visitor()
    for pattern, examples in requests.items():
        for method, path in examples:
            expected = 302 if path == PAGE else 403
            assert status(anonymous, method, path) == expected, (pattern, method, path)
    assert anonymous.http.get(PAGE).headers["Location"] == "/login?next=%2Fvoila%2Frender%2Fsupport.ipynb"
    assert {kernel.pid for kernel in dashboards.kernels()} == before


@pytest.mark.parametrize(
    "path", ["/", "/voila/tree", "/voila/files/support.ipynb", "/voila/api/contents/", "/api/kernels", "/api/contents"]
)
@pytest.mark.parametrize("way_in", ["?token=", "?token=x", "?", "header"])
def test_jupyters_own_ways_in_are_closed(dashboards: RunningDashboards, path: str, way_in: str) -> None:
    headers = {"Authorization": "token x"} if way_in == "header" else {}
    answer = dashboards.visitor().http.get(path + way_in.removesuffix("header"), headers=headers)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/voila/tree"),
        ("GET", "/voila/files/support.ipynb"),
        ("GET", "/voila/api/contents/"),
        ("GET", "/api/kernels"),
        ("POST", "/api/kernels"),
        ("POST", "/api/sessions"),
        ("GET", "/api/contents"),
        ("GET", "/voila/render/"),
        ("GET", "/voila/render/nothing.ipynb"),
        ("GET", "/voila/render/..%2Fpyproject.toml"),
        ("GET", "/voila/templates/..%2F..%2Fstatic/x"),
    ],
)
def test_what_is_not_served_is_missing_for_those_who_are_logged_in(ada: Visitor, method: str, path: str) -> None:
    assert status(ada, method, path) == 404


@pytest.mark.spec("0: each kernel acts as that person and nobody else can attach to it")
def test_somebody_elses_kernel_looks_as_if_it_did_not_exist(
    dashboards: RunningDashboards, ada: Visitor, bob: Visitor
) -> None:
    kernel_id = ada.open_page()
    nobodys = str(uuid.uuid4())
    for pattern, kind in VOILA_ROUTES.items():
        for method, path in requests_for(kernel_id)[pattern]:
            if kind == "kernels":
                assert status(bob, method, path) == 404, (method, path)
                assert status(bob, method, path.replace(kernel_id, nobodys)) == 404, (method, path)
    assert status(ada, "GET", f"/api/kernels/{kernel_id}") == 200
    for _, path in [pair for pattern, pairs in requests_for(kernel_id).items() if "voila" in pattern for pair in pairs]:
        if path.startswith(("/voila/templates", "/voila/static", "/voila/labextensions")):
            assert status(bob, "GET", path) == 200, path
    assert status(ada, "DELETE", f"/api/kernels/{kernel_id}") == 204


def test_the_owner_can_end_a_page_the_way_its_browser_does(dashboards: RunningDashboards, ada: Visitor) -> None:
    kernel_id = ada.open_page()
    assert ada.post(f"/voila/api/shutdown/{kernel_id}").status_code == 204
    assert status(ada, "GET", f"/api/kernels/{kernel_id}") == 404


def test_one_person_with_two_browsers_has_two_visits(dashboards: RunningDashboards, ada: Visitor) -> None:
    kernel_id = ada.open_page()
    elsewhere = dashboards.visitor()
    elsewhere.log_in("ada", PASSWORDS["ada"])
    assert status(elsewhere, "GET", f"/api/kernels/{kernel_id}") == 404


async def _messages(url: str, visitor: Visitor, *sent: dict[str, object], origin: str = "") -> list[str]:
    """Open the kernel's websocket, send, and collect the types of what comes back within some time."""
    headers = {"Cookie": visitor.cookie_header, **({"Origin": origin} if origin else {})}
    socket = await websocket_connect(HTTPRequest(url.replace("http", "ws", 1), headers=headers))
    for message in sent:
        await socket.write_message(json.dumps(message))
    found: list[str] = []
    while True:
        try:
            raw = await asyncio.wait_for(socket.read_message(), 3)
        except TimeoutError:
            socket.close()
            return found
        found.append(json.loads(raw)["msg_type"] if isinstance(raw, str) else "binary")


def _message(kind: str, channel: str, **content: object) -> dict[str, object]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "username": "",
        "session": "s",
        "version": "5.3",
        "date": "",
    }
    return {
        "channel": channel,
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


@pytest.mark.spec("5: No kernel starts and no kernel websocket opens without log-in")
def test_a_kernels_websocket_opens_for_its_owner_only_and_executes_nothing(
    dashboards: RunningDashboards, ada: Visitor, bob: Visitor, tmp_path: Path
) -> None:
    url = f"{dashboards.url}/api/kernels/{ada.open_page()}/channels"
    for visitor, code in ((dashboards.visitor(), 403), (bob, 404)):
        with pytest.raises(HTTPClientError) as refused:
            asyncio.run(_messages(url, visitor))
        assert refused.value.code == code
    with pytest.raises(HTTPClientError) as refused:
        asyncio.run(_messages(url, ada, origin="https://evil.example"))
    assert refused.value.code == 403
    mark = tmp_path / "executed"
    code = _message("execute_request", "shell", code=f"open({str(mark)!r}, 'w')", silent=False)
    control = _message("execute_request", "control", code=f"open({str(mark)!r}, 'w')", silent=False)
    asked = _message("kernel_info_request", "shell")
    answers = asyncio.run(_messages(url, ada, code, control, asked, origin=dashboards.url))
    assert "kernel_info_reply" in answers
    assert "execute_reply" not in answers
    assert not mark.exists()


def test_a_kernel_has_its_owners_session_a_bare_environment_and_private_sockets(
    dashboards: RunningDashboards, server: RunningServer, ada: Visitor, bob: Visitor
) -> None:
    tokens = {}
    for visitor, name in ((ada, "ada"), (bob, "bob")):
        before = {kernel.pid for kernel in dashboards.kernels()}
        visitor.open_page()
        (kernel,) = [kernel for kernel in dashboards.kernels() if kernel.pid not in before]
        environment = kernel.environ()
        ours = {"TRACKKIT_SERVER", "TRACKKIT_TOKEN", "TRACKKIT_FINGERPRINT"}
        set_by_jupyter = {"JPY_PARENT_PID", "JPY_SESSION_NAME", "PYDEVD_USE_FRAME_EVAL"}
        assert set(environment) - set_by_jupyter <= {*PASSED_ON, *ours}
        assert "SOME_SECRET" not in environment
        connection = Path(kernel.cmdline()[-1])
        assert json.loads(connection.read_text())["transport"] == "ipc"
        assert connection.parent.stat().st_mode & 0o077 == 0
        tokens[name] = environment["TRACKKIT_TOKEN"]
        with trackkit.connect(server.url, token=tokens[name], fingerprint=server.fingerprint) as known:
            assert known.session().username == name
    assert tokens["ada"] != tokens["bob"]
    assert "SOME_SECRET" in psutil.Process(dashboards.process.pid).environ()


def test_a_visit_keeps_at_most_four_kernels(dashboards: RunningDashboards, ada: Visitor) -> None:
    kernel_ids = [ada.open_page() for _ in range(5)]
    assert [status(ada, "GET", f"/api/kernels/{kernel_id}") for kernel_id in kernel_ids] == [404, 200, 200, 200, 200]


def test_log_out_ends_the_visit_its_kernels_and_the_servers_session(
    dashboards: RunningDashboards, server: RunningServer
) -> None:
    visitor = dashboards.visitor()
    visitor.log_in("ada", PASSWORDS["ada"])
    before = {kernel.pid for kernel in dashboards.kernels()}
    visitor.open_page()
    (kernel,) = [kernel for kernel in dashboards.kernels() if kernel.pid not in before]
    token, cookies = kernel.environ()["TRACKKIT_TOKEN"], dict(visitor.http.cookies)
    answer = visitor.post("/logout")
    assert answer.headers["Location"] == "/login?notice=left"
    wait_until(lambda: not kernel.is_running(), what="the end of the kernel")
    visitor.http.cookies.update(cookies)
    assert visitor.http.get(PAGE).status_code == 302
    with pytest.raises(NotLoggedIn):
        trackkit.connect(server.url, token=token, fingerprint=server.fingerprint)


def test_a_session_the_server_has_ended_leads_back_to_the_log_in_and_ends_the_kernels(
    dashboards: RunningDashboards, server: RunningServer
) -> None:
    server.admin.users.add("eve", "viewer", PASSWORDS["eve"])
    visitor = dashboards.visitor()
    visitor.log_in("eve", PASSWORDS["eve"])
    kernel_id = visitor.open_page()
    server.admin.users.delete("eve")
    answer = visitor.http.get(PAGE)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/login")
    assert status(visitor, "GET", f"/api/kernels/{kernel_id}") == 403


def test_the_sweep_ends_visits_whose_session_has_ended_and_no_others(server: RunningServer) -> None:
    ended: list[str] = []

    async def end_kernels(kernel_ids: list[str]) -> None:
        ended.extend(kernel_ids)

    async def story() -> None:
        visits = Visits()
        kernels = cast(VisitorKernels, SimpleNamespace(end_kernels=end_kernels))
        door = Door(visits, TrackkitServer(server.url, server.fingerprint), kernels, logging.getLogger("test"))
        stays, _ = await door.enter("bob", PASSWORDS["bob"])
        goes, _ = await door.enter("eve", PASSWORDS["eve"])
        stays.kernels.append("kernel of bob")
        goes.kernels.append("kernel of eve")
        await door.sweep()
        assert list(visits) == [stays, goes]
        server.admin.users.delete("eve")
        await door.sweep()
        assert list(visits) == [stays]
        assert ended == ["kernel of eve"]

    server.admin.users.add("eve", "viewer", PASSWORDS["eve"])
    asyncio.run(story())


@pytest.mark.spec("6: dashboards never accept a log-in without a password; the first visitor's one-time set-up code")
@pytest.mark.parametrize(
    ("username", "password", "code", "words"),
    [
        ("ada", "not my password", 401, ""),
        ("nobody", "not my password", 401, ""),
        ("ada", "", 422, "Enter your password."),
        ("admin", "", 422, "Enter your password."),
        ("", "x", 422, "Enter your user name."),
        ("<script>", "x" * 2000, 422, "&lt;script&gt;"),
    ],
)
def test_a_refused_log_in_says_why_and_sets_no_visit(
    dashboards: RunningDashboards, username: str, password: str, code: int, words: str
) -> None:
    visitor = dashboards.visitor()
    answer = visitor.log_in(username, password)
    assert answer.status_code == code
    assert 'role="alert"' in answer.text
    assert words in answer.text
    assert "<script>" not in answer.text
    if len(password) > 1:
        assert password not in answer.text
    assert set(visitor.http.cookies) == {"_xsrf"}


def test_log_in_and_log_out_need_the_forms_own_token(dashboards: RunningDashboards, ada: Visitor) -> None:
    stranger = dashboards.visitor()
    fields = {"username": "ada", "password": PASSWORDS["ada"]}
    assert stranger.http.post("/login", data=fields).status_code == 403
    assert ada.http.post("/logout").status_code == 403
    assert ada.http.get("/logout").status_code == 405
    assert ada.http.get("/").headers["Location"] == PAGE


def test_the_cookie_is_random_and_out_of_reach_of_scripts_and_other_sites(dashboards: RunningDashboards) -> None:
    visitor = dashboards.visitor()
    answer = visitor.log_in("ada", PASSWORDS["ada"])
    lines = [line for line in answer.headers.get_list("Set-Cookie") if not line.startswith("_xsrf")]
    assert len(lines) == 2, "the key of the visit, and the proof for the next log-in"
    for line in lines:
        assert "HttpOnly" in line
        assert "SameSite=Strict" in line
        assert len(line.partition("=")[2].partition(";")[0]) >= 43
        assert "ada" not in line


def test_failed_log_ins_of_one_visitor_keep_out_neither_others_nor_who_was_here_before(
    dashboards: RunningDashboards, server: RunningServer
) -> None:
    """To the server all of them come from the same address."""
    server.admin.users.add("dora", "viewer", "dora's password")
    regular, attacker = dashboards.visitor(), dashboards.visitor()
    assert regular.log_in("dora", "dora's password").status_code == 302
    answers = [attacker.log_in("dora", f"guess number {n}") for n in range(40)]
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert "try again in" in answers[-1].text
    assert dashboards.visitor().log_in("ada", PASSWORDS["ada"]).status_code == 302, "another visitor"
    assert regular.log_in("dora", "dora's password").status_code == 302, "her own browser"


def test_another_host_name_is_refused(dashboards: RunningDashboards) -> None:
    assert dashboards.visitor().http.get("/login", headers={"Host": "evil.example"}).status_code == 403


def test_pages_may_load_nothing_from_elsewhere(dashboards: RunningDashboards, ada: Visitor) -> None:
    plain = dashboards.visitor().http.get("/login?form=login")
    assert plain.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    page = ada.http.get(PAGE)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
    for answer in (plain, page):
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "//cdn" not in answer.text
    ada.post("/logout")


def test_template_and_theme_cannot_be_chosen_from_outside(ada: Visitor) -> None:
    answer = ada.http.get(PAGE, params={"template": "reveal", "theme": "dark"})
    assert answer.status_code == 200
    assert "reveal" not in answer.text
    assert "Log out" in answer.text


def test_a_taken_port_is_refused_with_the_way_on(server: RunningServer, dashboards: RunningDashboards) -> None:
    port = dashboards.url.rpartition(":")[2]
    command = [sys.executable, "-m", "trackkit.dashboard", "--server-url", server.url, "--port", port]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in refused.stderr
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr


def test_an_ordered_stop_leaves_no_kernel_and_tells_no_secret(server: RunningServer, tmp_path: Path) -> None:
    connections = tmp_path / "t"
    connections.mkdir()
    environment = {"TMPDIR": str(connections)[:40] or "/tmp"}
    running = RunningDashboards(server, tmp_path, environment=environment, folder=without_cells(tmp_path / "p")).start()
    visitor = running.visitor()
    visitor.log_in("bob", PASSWORDS["bob"])
    visitor.open_page()
    (kernel,) = running.kernels()
    token = kernel.environ()["TRACKKIT_TOKEN"]
    assert running.stop() == 0
    wait_until(lambda: not kernel.is_running(), what="the end of the kernel")
    for secret in (token, PASSWORDS["bob"]):
        assert secret not in running.stderr


def test_an_unreachable_server_is_said_on_the_log_in_page(tmp_path: Path, start: Start) -> None:
    gone = start()
    running = RunningDashboards(gone, tmp_path).start()
    try:
        gone.stop()
        answer = running.visitor().http.get("/login")
        assert answer.status_code == 500
        assert 'role="alert"' in answer.text
        assert str(gone.port) in answer.text
    finally:
        running.stop()

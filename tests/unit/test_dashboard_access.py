"""The dashboards' rules: which routes there are, what a kernel is given, where a log-in may lead."""

from __future__ import annotations

import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import User

from trackkit.dashboard import access
from trackkit.dashboard.app import Dashboards, configuration
from trackkit.dashboard.folder import dashboard_names, dashboards_folder
from trackkit.dashboard.kernels import PASSED_ON, OwnPython, kernel_environment
from trackkit.dashboard.pages import safe_next
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import ENDED_VISITS, Visitor, Visits

SERVER = TrackkitServer("https://127.0.0.1:8470", "sha256:" + "0" * 64)

OUR_ROUTES = {"/", "/login", "/setup", "/logout", r"/(look\.css)"}
OPEN_ROUTES = {"/login", "/setup", r"/(look\.css)"}


@pytest.fixture
def app(tmp_path: Path):
    """The application as it is served, without listening."""
    before = signal.getsignal(signal.SIGTERM)
    app = Dashboards(server=SERVER, visits=Visits(), config=configuration(dashboards_folder(), 0))
    app.initialize([])
    signal.signal(signal.SIGTERM, before)
    app.connection_dir = str(tmp_path)
    app.settings = app.init_settings()
    app.app = SimpleNamespace(settings=app.settings)
    return app


def test_only_the_routes_that_were_thought_about_are_served(app: Dashboards) -> None:
    patterns = {route[0] for route in app.init_handlers()}
    assert patterns == OUR_ROUTES | set(access.VOILA_ROUTES)


def test_every_route_but_log_in_set_up_and_style_sheet_asks_who_it_is(app: Dashboards) -> None:
    unguarded = {route[0] for route in app.init_handlers() if "guarded.<locals>" not in route[1].__qualname__}
    assert unguarded == OPEN_ROUTES


def test_a_voila_without_an_expected_route_is_refused_at_start() -> None:
    with pytest.raises(LookupError, match="/voila/render"):
        access.routes([(pattern, object) for pattern in access.VOILA_ROUTES if "render" not in pattern])


def test_no_configuration_file_no_token_and_no_preheating(app: Dashboards) -> None:
    assert app.config_file_paths == []
    assert app.identity_provider.token == ""
    assert app.ip == "127.0.0.1"
    chosen = app.voila_configuration
    assert (chosen.preheat_kernel, chosen.show_tracebacks, chosen.strip_sources) == (False, False, True)
    assert (app.kernel_manager.cull_idle_timeout, app.kernel_manager.cull_connected) == (900, False)
    assert (chosen.allow_template_override, chosen.allow_theme_override) == ("NO", "NO")


@pytest.mark.parametrize(
    ("resource", "target", "allowed"),
    [
        (access.KERNELS, "mine", True),
        (access.KERNELS, "theirs", False),
        (access.KERNELS, None, False),
        (access.DASHBOARDS, "support.ipynb", True),
        (access.DASHBOARDS, "project.ipynb", False),
        (access.DASHBOARDS, "../pyproject.toml", False),
        (access.DASHBOARDS, "", False),
        (access.ASSETS, "static/x.js", True),
        (access.PAGES, None, True),
        ("contents", "support.ipynb", False),
    ],
)
def test_the_rules(app: Dashboards, resource: str, target: str | None, allowed: bool) -> None:
    visitor = app.visits.open("ada", "viewer", "token")
    visitor.kernels.append("mine")
    handler = SimpleNamespace(path_kwargs={}, path_args=[] if target is None else [target])
    assert app.authorizer.is_authorized(handler, visitor, "read", resource) is allowed
    assert app.authorizer.is_authorized(handler, User("ada"), "read", resource) is False


def test_the_rules_for_a_user_of_a_project(app: Dashboards) -> None:
    visitor = app.visits.open_in_project("ana", "sample", "token")
    visitor.kernels.append("mine")

    def may(resource: str, target: str) -> bool:
        handler = SimpleNamespace(path_kwargs={}, path_args=[target])
        return bool(app.authorizer.is_authorized(handler, visitor, "read", resource))

    assert may(access.DASHBOARDS, "project.ipynb")
    assert not may(access.DASHBOARDS, "support.ipynb")
    assert may(access.KERNELS, "mine")
    assert not may(access.KERNELS, "theirs")
    assert may(access.ASSETS, "static/x.js")
    assert not may("contents", "project.ipynb")


@pytest.mark.parametrize("realm", ["server", "project"])
def test_a_kernel_gets_its_visitors_session_and_nothing_that_is_not_listed(realm: str) -> None:
    other_names = ("AWS_SECRET_ACCESS_KEY", "TRACKKIT_PASSWORD", "JUPYTER_TOKEN", "TRACKKIT_TOKEN")
    own = dict.fromkeys((*PASSED_ON, *other_names, "TRACKKIT_PROJECT_TOKEN"), "x")
    visits = Visits()
    if realm == "server":
        visitor, name = visits.open("ada", "viewer", "the session"), "TRACKKIT_TOKEN"
    else:
        visitor, name = visits.open_in_project("ana", "sample", "the session"), "TRACKKIT_PROJECT_TOKEN"
    given = kernel_environment(visitor, SERVER, own)
    assert set(given) == {*PASSED_ON, "TRACKKIT_SERVER", name, "TRACKKIT_FINGERPRINT"}
    assert given[name] == "the session"


def test_kernels_run_this_python_whatever_lies_in_the_home_folder() -> None:
    assert list(OwnPython().find_kernel_specs()) == ["python3"]


def test_a_visit_is_found_by_its_key_until_it_ends_and_never_shows_its_secrets() -> None:
    visits = Visits()
    visitor = visits.open("ada", "viewer", "the token")
    assert visits.get(visitor.key) is visitor
    assert visits.get("") is None
    assert "the token" not in repr(visitor)
    assert visitor.key not in repr(visitor)
    in_project = visits.open_in_project("ana", "sample", "the token")
    assert visits.get(in_project.key) is in_project
    assert "the token" not in repr(in_project)
    assert in_project.key not in repr(in_project)
    visits.end(visitor)
    assert visits.get(visitor.key) is None
    assert visits.was_in(in_project.key) == ""
    visits.end(in_project)
    assert (visits.was_in(in_project.key), visits.was_in(visitor.key)) == ("sample", "")
    for number in range(ENDED_VISITS):
        visits.end(visits.open_in_project("ana", f"project {number}", "the token"))
    assert visits.was_in(in_project.key) == "", "only the latest are remembered"
    assert isinstance(visitor, Visitor)


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/voila/render/support.ipynb", "/voila/render/support.ipynb"),
        ("/x?a=b", "/x?a=b"),
        ("", "/"),
        ("support.ipynb", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_a_log_in_leads_to_this_site_only(asked: str, led_to: str) -> None:
    assert safe_next(asked) == led_to


def test_the_dashboards_are_found() -> None:
    assert "support.ipynb" in dashboard_names(dashboards_folder())

"""The web client's page: the visitor's own project session, and the way back when it has ended."""

from __future__ import annotations

from collections.abc import Iterator

import ipywidgets as w
import pytest

from tests.conftest import Start
from tests.running import RunningServer
from trackkit.client.project import Project
from trackkit.widgets import web_client_page

PASSWORD = "somebody's password"
PROJECT = "Web"


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    running = start_for_module()
    running.admin.databases.create(PROJECT, administrator_password=PASSWORD)
    return running


@pytest.fixture
def session(shared: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A session that was opened elsewhere; the environment is that of a visitor's kernel."""
    with shared.admin.project(PROJECT, "administrator", PASSWORD, "web") as opened:
        assert opened.opened is not None
        monkeypatch.setenv("TRACKKIT_SERVER", shared.url)
        monkeypatch.setenv("TRACKKIT_FINGERPRINT", shared.fingerprint)
        monkeypatch.setenv("TRACKKIT_PROJECT_TOKEN", opened.opened.token)
        yield opened


def every(widget: w.Widget) -> Iterator[w.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def words(widget: w.Widget) -> str:
    return " ".join(str(one.value) for one in every(widget) if isinstance(one, w.HTML))


def buttons(widget: w.Widget) -> dict[str, w.Button]:
    return {one.description: one for one in every(widget) if isinstance(one, w.Button)}


@pytest.mark.spec("9: the web client: log-in page with the server's text and the web database list, records")
def test_the_page_is_the_project_of_the_session_without_log_in_and_log_out(session: Project) -> None:
    shown = web_client_page()
    assert f"<h1>{PROJECT}</h1>" in words(shown)
    assert "as administrator" in words(shown)
    assert set(buttons(shown)) >= {"Add", "Edit", "Delete", "Files", "Import CSV", "Export CSV"}
    assert "Log out" not in buttons(shown)
    assert not any(type(one).__name__ in ("Code", "Fields") for one in every(shown)), "neither Python nor a log-in form"
    assert session.opened is not None
    state = "".join(str(one.get_state()) for one in every(shown))
    assert session.opened.token not in state, "a secret is never state of a widget"


def test_a_session_that_has_ended_shows_the_way_to_the_log_in(session: Project) -> None:
    shown = web_client_page()
    session.log_out()
    buttons(shown)["Export CSV"].click()
    assert '<a href="" target="_top">Log in again</a>' in words(shown)
    reopened = web_client_page()
    assert '<a href="" target="_top">Log in again</a>' in words(reopened)
    assert buttons(reopened) == {}


def test_closing_the_pages_project_leaves_the_session_open(session: Project, shared: RunningServer) -> None:
    assert session.opened is not None
    shared.admin.project_session(session.opened.token).close()
    assert session.session().username == "administrator"


def test_outside_a_dashboard_it_is_the_project_page(shared: RunningServer) -> None:
    shown = web_client_page(shared.admin)
    assert "Log in to a project" in words(shown)
    assert "Log in" in buttons(shown)

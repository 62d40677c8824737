"""The web client: a project as the person who logged in to it on the dashboards' log-in page.

The session is the visit's: it was opened on the log-in page, and ends by *Log out* in the head of the page. When it has
ended otherwise, what is done here says so and leads back to the log-in page.
"""

from __future__ import annotations

import os

import ipywidgets as w

from trackkit.client import Server, reach
from trackkit.client.project import Project
from trackkit.widgets.page import page
from trackkit.widgets.problems import Trouble
from trackkit.widgets.project_panel import ProjectPanel, project_page
from trackkit.widgets.work import in_background


def web_client_page(server: Server | None = None) -> w.VBox:
    """The page as one widget. Outside a dashboard, where no project session was given, as `project_page`.

    Parameters
    ----------
    server: a server that was reached; none = as the environment says.
    """
    if not os.environ.get("TRACKKIT_PROJECT_TOKEN"):
        return project_page(server)
    trouble, body = Trouble(), w.VBox()

    def reached() -> tuple[Server, Project]:
        found = server or reach(os.environ["TRACKKIT_SERVER"])
        return found, found.project_session()

    def show(found: tuple[Server, Project]) -> None:
        body.children = (ProjectPanel(*found, trouble, None).widget,)

    in_background(trouble, reached, show)
    return page(trouble.widget, body)

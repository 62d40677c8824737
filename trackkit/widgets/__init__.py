"""Panels for notebooks and dashboards: compositions of ipywidgets, nothing that decides.

from trackkit.widgets import support_page
support_page()
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__all__ = [
    "connections_page",
    "databases_page",
    "folder",
    "licenses_page",
    "mail_queue_page",
    "project_page",
    "sending_options_page",
    "server_log_page",
    "server_options_page",
    "server_users_page",
    "support_page",
    "tasks_page",
    "tracking_page",
    "trust_page",
    "web_client_page",
]

if TYPE_CHECKING:
    from trackkit.widgets.connections_panel import connections_page
    from trackkit.widgets.databases_panel import databases_page
    from trackkit.widgets.licenses_panel import licenses_page
    from trackkit.widgets.log_panel import server_log_page
    from trackkit.widgets.project_panel import project_page
    from trackkit.widgets.queue_panel import mail_queue_page
    from trackkit.widgets.sending_options import sending_options_page
    from trackkit.widgets.server_options import server_options_page
    from trackkit.widgets.support import support_page
    from trackkit.widgets.tasks_panel import tasks_page
    from trackkit.widgets.tracking_panel import tracking_page
    from trackkit.widgets.trust_panel import trust_page
    from trackkit.widgets.users_panel import server_users_page
    from trackkit.widgets.web_client import web_client_page

_HOME_OF = {
    "connections_page": "connections_panel",
    "databases_page": "databases_panel",
    "licenses_page": "licenses_panel",
    "mail_queue_page": "queue_panel",
    "project_page": "project_panel",
    "sending_options_page": "sending_options",
    "server_log_page": "log_panel",
    "server_users_page": "users_panel",
    "server_options_page": "server_options",
    "support_page": "support",
    "tasks_page": "tasks_panel",
    "tracking_page": "tracking_panel",
    "trust_page": "trust_panel",
    "web_client_page": "web_client",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'trackkit.widgets' has no attribute {name!r}")
    return getattr(import_module(f"trackkit.widgets.{_HOME_OF[name]}"), name)


def folder() -> Path:
    """Where the style sheet `look.css` lies, for the pages that load it by a link."""
    return Path(__file__).parent

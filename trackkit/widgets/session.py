"""The servers this notebook is logged in to, and how a panel gets one.

`current()` is the server that was connected last; several can be connected at once, by name. A panel that is shown
without a server takes the current one, else connects as the environment says (TRACKKIT_SERVER with a token or user
name and password, or TRACKKIT_DATA), else shows the log-in form. Nothing here keeps a password.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import ipywidgets as w

import trackkit
from trackkit.client import Server
from trackkit.domain.accounts import ADMIN
from trackkit.domain.errors import NotLoggedIn
from trackkit.widgets.page import page
from trackkit.widgets.problems import Trouble, shows_problems

_connected: dict[str, Server] = {}


def connected() -> Mapping[str, Server]:
    """The servers by name, in the order they were connected."""
    return dict(_connected)


def use(server: Server) -> Server:
    """Remember a connected server as the current one."""
    _connected.pop(server.name, None)
    _connected[server.name] = server
    return server


def disconnect(name: str) -> None:
    """End the session on that server and forget it, even if the server cannot be told."""
    server = _connected.pop(name)
    server.close()


def current() -> Server:
    """The server that was connected last, or the one the environment names; `NotLoggedIn` when there is neither."""
    if _connected:
        return next(reversed(_connected.values()))
    server = _from_environment()
    if server is None:
        raise NotLoggedIn(
            "No server is connected.",
            "Connect in the connections panel, use trackkit.connect(…), or set TRACKKIT_SERVER with TRACKKIT_TOKEN, "
            "or TRACKKIT_USERNAME and TRACKKIT_PASSWORD.",
        )
    return use(server)


def _from_environment() -> Server | None:
    environment = os.environ
    if data := environment.get("TRACKKIT_DATA"):
        return trackkit.local(data, environment.get("TRACKKIT_USERNAME") or ADMIN)
    with_password = environment.get("TRACKKIT_USERNAME") and environment.get("TRACKKIT_PASSWORD") is not None
    if (address := environment.get("TRACKKIT_SERVER")) and (environment.get("TRACKKIT_TOKEN") or with_password):
        return trackkit.connect(address)
    return None


def on_server(build: Callable[[Server, Trouble], w.Widget], server: Server | None = None) -> w.VBox:
    """A page with a panel that needs a server; the log-in form first where there is none.

    Parameters
    ----------
    build: makes the panel from the server and the page's place for errors.
    server: a connected one; none = as `current` says.
    """
    trouble, body = Trouble(), w.VBox()

    def show(chosen: Server) -> None:
        own = trouble_for(chosen)
        body.children = (own.widget, build(use(chosen), own))

    @shows_problems(trouble)
    def start() -> None:
        try:
            chosen = server or current()
        except NotLoggedIn as error:
            if error.code != NotLoggedIn.code:
                raise
            from trackkit.widgets.log_in import log_in_form

            body.children = (log_in_form(os.environ.get("TRACKKIT_SERVER"), trouble, show),)
        else:
            show(chosen)

    start()
    return page(trouble.widget, body)


def trouble_for(server: Server) -> Trouble:
    """A place for errors, to be put beside what can fail, that offers to log in again when the session has ended.

    In a session that was opened elsewhere (a dashboard's log-in page, an API token) it only shows the way there: the
    page goes on being one person's.
    """
    if os.environ.get("TRACKKIT_TOKEN"):
        return Trouble()
    from trackkit.widgets.log_in import log_in_again

    made: list[Trouble] = []
    made.append(Trouble(lambda: log_in_again(server, made[0])))
    return made[0]

"""Logging in from a notebook: choose a connection, confirm a certificate at first use, and again after a session ended.

Nothing but a TLS handshake is sent before the certificate is known. A changed certificate is refused with both
fingerprints; pinning the new one is a choice of its own. A password is taken out of its field as soon as it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets as w

import trackkit
from trackkit.client import Connections, Server
from trackkit.client.endpoint import looks_like_url
from trackkit.domain.accounts import ADMIN
from trackkit.domain.errors import CertificateChanged, CertificateUnknown, InvalidInput
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section, Text
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, show, shows_problems
from trackkit.widgets.work import in_background, long_work

USERNAME = Field("username", "User name", required=True, autocomplete="username")
PASSWORD = Field("password", "Password", "secret", autocomplete="current-password")
REMEMBERED = replace(PASSWORD, help="Empty: the one that this system's keyring remembers, if it does.")
REMEMBER = Field(
    "remember",
    "Remember it",
    "yes/no",
    help="In this system's keyring, never in a file of ours. Whoever can unlock the keyring can log in.",
)


class LogIn:
    """The form to log in to one server. `widget` is what is shown.

    Parameters
    ----------
    target: gives the connection's name or URL when the button is pressed.
    done: gets the server once it is logged in.
    username: who is meant to log in, as far as one knows.
    can_remember: the target is a connection, whose password can be remembered.
    """

    def __init__(
        self,
        target: Callable[[], str],
        trouble: Trouble,
        done: Callable[[Server], None],
        username: str = ADMIN,
        *,
        can_remember: bool = False,
    ) -> None:
        self._target, self._trouble, self._done = target, trouble, done
        asked = (USERNAME, REMEMBERED, REMEMBER) if can_remember else (USERNAME, PASSWORD)
        values: dict[str, Text] = {"username": username, "password": "", "remember": False}
        self.fields = Fields([Section("", asked)], {field.name: values[field.name] for field in asked})
        self.button = w.Button(description="Connect", button_style="primary")
        self.asking = w.VBox()
        self.widget = w.VBox([self.fields, self.asking, row(self.button, kind="tk-actions")])
        guarded = shows_problems(trouble)(lambda *_: self.connect())
        self.button.on_click(guarded)
        self.fields.when_entered(guarded)

    def connect(self) -> None:
        """Reach the server and log in, as typed."""
        target, username = self._target(), str(self.fields.values["username"]).strip()
        password = str(self.fields.values["password"])
        if not username:
            raise InvalidInput.of("User name", "is empty")
        self._try(target, username, password, None)

    def _try(self, target: str, username: str, password: str, fingerprint: str | None) -> None:
        def work(_: object) -> Server:
            if fingerprint and not looks_like_url(target):
                Connections.load().pin(target, fingerprint)
            given = password or (None if Connections.load().remembers(target, username) else "")
            return trackkit.connect(target, username=username, password=given, fingerprint=fingerprint)

        def failed(error: Exception) -> bool:
            if not isinstance(error, CertificateUnknown | CertificateChanged):
                return False

            def pin() -> None:
                self._try(target, username, password, error.details.get("fingerprint") or error.details["shown"])

            if isinstance(error, CertificateChanged):
                show(self._trouble, error)
            confirm(self.asking, _question(target, error), "Pin it and connect", pin)
            return True

        def connected(server: Server) -> None:
            self.fields.put("password", "")
            try:
                if self.fields.values.get("remember") and password:
                    Connections.load().remember(target, server.username, password)
            finally:  # one is connected all the same
                self._done(server)

        long_work(
            self.asking,
            f"Connecting to {target} …",
            self._trouble,
            work,
            connected,
            busy=(self.button,),
            failed=failed,
            abandoned=Server.close,
        )


def _question(target: str, error: CertificateUnknown | CertificateChanged) -> str:
    if isinstance(error, CertificateUnknown):
        return (
            f"{target} is not known yet. The fingerprint of its certificate is\n{error.details['fingerprint']}\n"
            "Is it the one the server prints at its start? If so it is remembered; nothing else was sent yet."
        )
    return (
        f"Pin the new certificate of {target}? Only if it was renewed on purpose: compare the new fingerprint\n"
        f"{error.details['shown']}\nwith the one the server prints at its start. The pinned one is forgotten:\n"
        f"{error.details['pinned']}"
    )


def log_in_form(address: str | None, trouble: Trouble, done: Callable[[Server], None]) -> w.VBox:
    """Choose a connection and log in; with no connection yet the form that adds one (SPEC §1).

    Parameters
    ----------
    address: the only server to log in to; none = choose among the connections.
    """
    names = [address] if address else [connection.name for connection in Connections.load()]
    if not names:
        from trackkit.widgets.connections_panel import ConnectionsPanel

        return ConnectionsPanel(done).widget
    choice = Field("server", "Server", "choice", choices=tuple((name, name) for name in names))
    where = Fields([Section("", (choice,))], {"server": names[0]})
    form = LogIn(lambda: str(where.values["server"]).strip(), trouble, done, can_remember=address is None)
    where.when_entered(form.button.click)
    return panel(title("Log in to a server", "Your own account on that server."), where, form.widget)


def log_in_again(server: Server, trouble: Trouble) -> w.VBox:
    """Open a new session on the same server after one has ended; what refers to the server goes on working."""
    fields = Fields([Section("", (USERNAME, PASSWORD))], {"username": server.username or ADMIN, "password": ""})
    button = w.Button(description="Log in", button_style="primary")

    def log_in(*_: object) -> None:
        username, password = str(fields.values["username"]).strip(), str(fields.values["password"])
        in_background(
            wrong,
            lambda: server.log_in(username, password),
            lambda _: trouble.show(None),
            busy=(button,),
        )

    wrong = Trouble()
    fields.focus_on("password")
    button.on_click(log_in)
    fields.when_entered(lambda: log_in())
    form = w.VBox([fields, wrong.widget, row(button, kind="tk-actions")])
    form.add_class("tk-again")
    return form

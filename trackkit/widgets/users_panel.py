"""The page of server users (SPEC §6): accounts, one's own password, API tokens, and who is logged in now.

An admin sees all of it; everybody else their own password, tokens and sessions. What ends or is revoked by a change is
said before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.users import User, Users
from trackkit.domain.account_fields import OwnPassword, ServerUser
from trackkit.domain.accounts import Role, username_key
from trackkit.domain.declared import fields_of
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.account_tables import users_table, without_password
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.fields import Text
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.sessions_panel import SessionsPanel
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.tokens_panel import TokensPanel
from trackkit.widgets.work import in_background

FIELDS = fields_of(ServerUser)
_ASKED = 'getpass("Password: ")'


def server_users_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """

    def build(chosen: Server, trouble: Trouble) -> w.VBox:
        panels = [OwnPasswordPanel(chosen, trouble_for(chosen)).widget]
        if Role(chosen.role).covers(Role.admin):
            panels.insert(0, UsersPanel(chosen, trouble).widget)
        lists = (TokensPanel(chosen, trouble_for(chosen)), SessionsPanel(chosen, trouble_for(chosen)))
        return w.VBox([*panels, *(one.widget for one in lists)])

    return on_server(build, server)


class UsersPanel:
    """The accounts. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._users: dict[str, User] = {}
        self.warning, self.list, self.said = w.HTML(), w.HTML(), w.HTML()
        self.chosen = w.Dropdown(description="User", options=[])
        self.form_box, self.asking = w.VBox(), w.VBox()
        self.form: DeclaredForm | None = None
        self.code = python_of("server.users.frame()", server)
        actions = {"Refresh": self.refresh, "Add a user": self.add, "Edit": self.edit, "Delete": self.delete}
        self.buttons = action_buttons(actions, trouble, primary="Add a user", danger="Delete")
        self.widget = panel(
            title("Server users", f"The accounts with which people and scripts administer the server {server.name}."),
            self.warning,
            self.list,
            row(self.chosen, *self.buttons.values()),
            self.asking,
            self.form_box,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for the list and show it."""
        in_background(self.trouble, self._server.users.list, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Users) -> None:
        self._users = {user.username: user for user in found.users}
        offer(self.chosen, [(name, name) for name in self._users])
        self.warning.value, self.list.value = without_password(found.users), users_table(found.users)
        for words, button in self.buttons.items():
            button.disabled = words in ("Edit", "Delete") and not self._users

    @property
    def user(self) -> User:
        """The chosen user; `InvalidInput` when there is none."""
        if self.chosen.value is None:
            raise InvalidInput("No user is chosen.", "Choose one in the list.")
        return self._users[str(self.chosen.value)]

    def add(self) -> None:
        """The form for a new user."""

        def warnings(texts: Mapping[str, Text]) -> list[str]:
            return [] if texts["password"] else [FIELDS["password"].help]

        def send(values: Values) -> User:
            self._tell(f"add({_arguments(values)})")
            return self._server.users.add(**values)

        self._place("Add a user", "Add the user", {}, send, "was added", warnings=warnings)

    def edit(self) -> None:
        """The form of the chosen user; what is not typed stays."""
        user = self.user

        def warnings(_: Mapping[str, Text]) -> list[str]:
            return [f"This ends the sessions of {user.username} and revokes their API tokens.{self._myself(user)}"]

        def send(changes: Values) -> User:
            if not changes:
                raise InvalidInput("Nothing was changed.", "Choose another role, or type a new password.")
            self._tell(f"edit({', '.join([repr(user.username), *filter(None, [_arguments(changes)])])})")
            return self._server.users.edit(user.username, **changes)

        values = {"role": user.role.value}
        self._place(f"Edit {user.username}", "Apply", values, send, "was changed", warnings=warnings, edits=True)

    def _myself(self, user: User) -> str:
        own = username_key(user.username) == username_key(self._server.username)
        return " That is you: log in again afterwards." if own else ""

    def _place(
        self, heading: str, save: str, values: Values, send: Any, outcome: str, *, warnings: Any, edits: bool = False
    ) -> None:
        self._close()

        def done(user: User) -> None:
            self._close()
            self._say(f"{user.username} ({user.role}) {outcome}.")
            self.refresh()

        declared = {name: field for name, field in FIELDS.items() if not (edits and name == "username")}
        self.form = DeclaredForm(
            heading,
            declared,
            values,
            save,
            self.trouble,
            send,
            done,
            self._close,
            only_changes=edits,
            warnings=warnings,
        )
        self.form_box.children = (self.form.widget,)

    def delete(self) -> None:
        """Ask, then delete the chosen user."""
        user = self.user
        self._close()

        def deleted(_: object) -> None:
            self._tell(f"delete({user.username!r})")
            self._say(f"{user.username} was deleted; their sessions have ended and their tokens are revoked.")
            self.refresh()

        def do() -> None:
            in_background(self.trouble, lambda: self._server.users.delete(user.username), deleted)

        question = (
            f"Delete the user {user.username} ({user.role})? Their sessions end and their API tokens are revoked; "
            f"scripts that use them stop working. There is no undo.{self._myself(user)}"
        )
        confirm(self.asking, question, "Delete the user", do)

    def _tell(self, call: str) -> None:
        self.code.code = whole(f"server.users.{call}", self._server)

    def _say(self, words: str) -> None:
        self.said.value = status(shown(words), "tk-good")

    def _close(self) -> None:
        self.form_box.children = self.asking.children = ()
        self.form = None
        self.said.value = ""


def _arguments(values: Values) -> str:
    """As Python; a password is asked for."""
    return ", ".join(f"{name}={_ASKED if name == 'password' else repr(value)}" for name, value in values.items())


class OwnPasswordPanel:
    """One's own password."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self.said, self.box = w.HTML(), w.VBox()
        self.button = w.Button(description="Change my password")
        self.button.on_click(shows_problems(trouble)(lambda _: self.open()))
        self.form: DeclaredForm | None = None
        call = 'server.users.password(getpass("New password: "), present=getpass("Present password: "))'
        self.widget = panel(
            title("My password", f"You are {server.username} ({server.role})."),
            trouble.widget,
            row(self.button),
            self.box,
            self.said,
            python_of(call, server),
        )

    def open(self) -> None:
        """The form."""
        self._close()
        self.said.value = ""

        def send(values: Values) -> object:
            return self._server.users.password(values.get("new", ""), present=values.get("present"))

        def done(_: object) -> None:
            self._close()
            self.said.value = status("Changed. Your other sessions have ended, your API tokens are revoked.", "tk-good")

        def warnings(_: Mapping[str, Text]) -> list[str]:
            return ["This ends your other sessions and revokes your API tokens."]

        declared = fields_of(OwnPassword)
        heading = "Change my password"
        self.form = DeclaredForm(
            heading, declared, {}, "Change it", self.trouble, send, done, self._close, warnings=warnings
        )
        self.box.children = (self.form.widget,)

    def _close(self) -> None:
        self.box.children = ()
        self.form = None

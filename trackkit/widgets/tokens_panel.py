"""API tokens for scripts: made with their secret shown this once, listed, revoked (asks first)."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.users import NewToken, Tokens
from trackkit.domain.account_fields import ApiToken
from trackkit.domain.accounts import Role
from trackkit.domain.declared import fields_of
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.account_tables import tokens_table
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.shown_once import ShownOnce
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background


class TokensPanel:
    """The panel. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self.list, self.said = w.HTML(), w.HTML()
        self.chosen = w.Dropdown(description="Token", options=[])
        self.form_box, self.asking, self.secret = w.VBox(), w.VBox(), w.VBox()
        self.form: DeclaredForm | None = None
        self.code = python_of("server.tokens.frame()", server)
        actions = {"Refresh": self.refresh, "Make a token": self.add, "Revoke": self.revoke}
        self.buttons = action_buttons(actions, trouble, primary="Make a token", danger="Revoke")
        self.widget = panel(
            title("API tokens", "For scripts, so that no password stands in them. A token acts for its owner."),
            trouble.widget,
            self.list,
            row(self.chosen, *self.buttons.values()),
            self.asking,
            self.form_box,
            self.secret,
            self.said,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for the list and show it."""
        in_background(self.trouble, self._server.tokens.list, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Tokens) -> None:
        offer(self.chosen, [(f"{one.name} of {one.username}", (one.username, one.name)) for one in found.tokens])
        self.list.value = tokens_table(found.tokens)
        for words, button in self.buttons.items():
            button.disabled = words == "Revoke" and not found.tokens

    def add(self) -> None:
        """The form for a new token."""
        self._close()
        declared = dict(fields_of(ApiToken))
        own = Role(self._server.role)
        declared["role"] = replace(declared["role"], choices=tuple(role.value for role in Role if own.covers(role)))

        def send(values: Values) -> NewToken:
            given = ", ".join(f"{name}={value!r}" for name, value in values.items())
            self.code.code = whole(f"server.tokens.add({given}).secret", self._server)
            return self._server.tokens.add(**values)

        def done(made: NewToken) -> None:
            self._close()
            words = (
                f"The secret of the token {made.name} ({made.role}). It is shown this once: keep it in a safe place."
            )
            self.secret.children = (ShownOnce(words, f"Secret of the token {made.name}", made.secret),)
            self.refresh()

        self.form = DeclaredForm("Make a token", declared, {}, "Make it", self.trouble, send, done, self._close)
        self.form_box.children = (self.form.widget,)

    def revoke(self) -> None:
        """Ask, then revoke the chosen token."""
        if self.chosen.value is None:
            raise InvalidInput("No token is chosen.", "Choose one in the list.")
        username, name = self.chosen.value
        self._close()

        def revoked(_: object) -> None:
            self.code.code = whole(f"server.tokens.delete({username!r}, {name!r})", self._server)
            self.said.value = status(shown(f"{name} of {username} was revoked."), "tk-good")
            self.refresh()

        def do() -> None:
            in_background(self.trouble, lambda: self._server.tokens.delete(username, name), revoked)

        question = f"Revoke the token {name} of {username}? Scripts that use it stop working. There is no undo."
        confirm(self.asking, question, "Revoke it", do)

    def _close(self) -> None:
        self.form_box.children = self.asking.children = self.secret.children = ()
        self.form = None
        self.said.value = ""

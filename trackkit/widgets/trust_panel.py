"""The page of the trust manager: certificates of mail hosts that did not verify, and those that are trusted.

What a certificate says, its fingerprint and what trusting it means are shown before it is trusted. Only an admin
trusts; who may do less sees the same without the buttons.
"""

from __future__ import annotations

from datetime import UTC, datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.trust_words import added, remove_question, removed, trust_question
from trackkit.contract.trust import Added, Removed, Trusted, TrustList, Untrusted
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput
from trackkit.domain.trust import where
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.session import on_server, trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.trust_tables import trusted_table, untrusted_table
from trackkit.widgets.trust_upload import UploadForm
from trackkit.widgets.work import in_background

_PURPOSE = (
    "What mail hosts have shown {name} and cannot prove. Nothing is sent to them until it verifies or is trusted."
)
_TRUSTED = (
    "Somebody has looked at these: each is believed at its host and port whatever it says, expired or not. What an "
    "authority issued is verified with names and dates."
)


def trust_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, _: TrustPanel(chosen, trouble_for(chosen)).widget, server)


class TrustPanel:
    """Both lists. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._untrusted: dict[int, Untrusted] = {}
        self._trusted: dict[int, Trusted] = {}
        self.untrusted, self.trusted, self.said = w.HTML(), w.HTML(), Said()
        self.wanted = w.Dropdown(description="Untrusted", options=[])
        self.unwanted = w.Dropdown(description="Trusted", options=[])
        self.asking, self.removing, self.form_box = w.VBox(), w.VBox(), w.VBox()
        self.form: UploadForm | None = None
        self.code = python_of("server.trust.frame()", server)
        upper = {"Refresh": self.refresh, "Trust": self.trust, "Forget": self.forget}
        lower = {"Upload": self.upload, "Remove": self.remove}
        self.buttons = action_buttons(upper, trouble, primary="Trust")
        self.buttons |= action_buttons(lower, trouble, danger="Remove")
        may_edit = Role(server.role).covers(Role.admin)
        above, below = (
            row(self.wanted, *(self.buttons[b] for b in upper)),
            row(self.unwanted, *(self.buttons[b] for b in lower)),
        )
        self.widget = w.VBox(
            [
                panel(
                    title("Untrusted certificates", _PURPOSE.format(name=server.name)),
                    trouble.widget,
                    self.untrusted,
                    above if may_edit else row(self.buttons["Refresh"]),
                    self.asking,
                    self.said,
                    self.code,
                ),
                panel(
                    title("Trusted certificates", _TRUSTED),
                    self.trusted,
                    *((below, self.removing, self.form_box) if may_edit else ()),
                ),
            ]
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server for both lists and show them."""
        in_background(self.trouble, self._server.trust.list, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: TrustList) -> None:
        self._untrusted = {one.certificate_id: one for one in found.untrusted}
        self._trusted = {one.certificate_id: one for one in found.trusted}
        offer(self.wanted, [(_line(one), key) for key, one in self._untrusted.items()])
        offer(self.unwanted, [(_line(one), key) for key, one in self._trusted.items()])
        self.untrusted.value = untrusted_table(found.untrusted)
        self.trusted.value = trusted_table(found.trusted, datetime.now(UTC).date())
        self.buttons["Trust"].disabled = not any(not one.refusal for one in found.untrusted)
        self.buttons["Forget"].disabled = not self._untrusted
        self.buttons["Remove"].disabled = not self._trusted
        self.buttons["Upload"].disabled = False

    def trust(self) -> None:
        """Show what there is to compare, ask, then trust the chosen certificate."""
        one = self._untrusted_one()
        if one.refusal:
            raise InvalidInput(one.refusal, "Tell the administrator of that domain.")
        self._close()

        def done(what: Added) -> None:
            self._done(added(what), f"add({one.certificate_id})")

        def do() -> None:
            in_background(self.trouble, lambda: self._server.trust.add(one.certificate_id), done)

        confirm(self.asking, trust_question(one), "Trust it", do)

    def forget(self) -> None:
        """Ask, then take the chosen certificate out of the untrusted ones."""
        self._remove(self._untrusted_one(), self.asking, "Take it out")

    def remove(self) -> None:
        """Ask, then trust the chosen certificate no more."""
        if self.unwanted.value is None:
            raise InvalidInput("No certificate is chosen.", "Choose one in the list.")
        self._remove(self._trusted[int(self.unwanted.value)], self.removing, "Trust it no more")

    def upload(self) -> None:
        """The form for a file."""
        self._close()
        chosen = self._untrusted.get(int(self.wanted.value)) if self.wanted.value is not None else None
        place = (chosen.host, str(chosen.port)) if chosen else ("", "")
        self.form = UploadForm(
            self._server, self.trouble, place, lambda what, call: self._done(added(what), call), self._close
        )
        self.form_box.children = (self.form.widget,)

    def _untrusted_one(self) -> Untrusted:
        if self.wanted.value is None:
            raise InvalidInput("No certificate is chosen.", "Choose one in the list.")
        return self._untrusted[int(self.wanted.value)]

    def _remove(self, one: Untrusted | Trusted, box: w.VBox, yes: str) -> None:
        self._close()

        def done(what: Removed) -> None:
            self._done(removed(what), f"remove({one.certificate_id})")

        def do() -> None:
            in_background(self.trouble, lambda: self._server.trust.remove(one.certificate_id), done)

        confirm(box, remove_question(one), yes, do)

    def _done(self, words: str, call: str) -> None:
        self._close()
        self.code.code = whole(f"server.trust.{call}", self._server)
        self.said.value = status(shown(words), "tk-good")
        self.refresh()

    def _close(self) -> None:
        self.asking.children = self.removing.children = self.form_box.children = ()
        self.form = None
        self.said.value = ""


def _line(one: Untrusted | Trusted) -> str:
    return f"{where(one.host, one.port)}: {one.fingerprint[:11]}… {one.subject}"

"""The mailboxes that tracked e-mail comes back to: how fetching goes, and fetching, probing and the key by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.tracking import Polled, RotatedKey, RoundTripView, TrackingStatus
from trackkit.domain.accounts import Role
from trackkit.domain.text import counted
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.tracking_tables import counts_words, mailboxes_html, trips_html
from trackkit.widgets.work import in_background

_PURPOSE = "Where replies and bounces of tracked e-mail arrive. The server's own is set in the server options."
_KEY_QUESTION = (
    "Sign tracking cookies with a new key from now on? Replies to what was sent before still find their records. Do it "
    "when somebody may have read the server's data."
)


class MailboxesPanel:
    """The panel. `widget` is what is shown; the buttons are for tests, and do what a click does.

    Parameters
    ----------
    fetched: called after mail was fetched by hand.
    """

    def __init__(self, server: Server, trouble: Trouble, fetched: Callable[[], None] = lambda: None) -> None:
        self._server, self.trouble, self._fetched = server, trouble.another(), fetched
        self.list, self.counts, self.trips, self.key = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self.said, self.asking = Said(), w.VBox()
        self.code = python_of("server.tracking.status()", server)
        actions = {"Refresh": self.refresh, "Fetch now": self.poll, "Send a probe mail": self.probe}
        actions["New signing key"] = self.rotate
        self.buttons = action_buttons(actions, self.trouble, primary="Fetch now")
        self.widget = panel(
            title("Mailboxes", _PURPOSE),
            self.trouble.widget,
            self.list,
            self.counts,
            row(*self.buttons.values()),
            self.asking,
            self.said,
            self.trips,
            self.key,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask the server how fetching goes."""
        in_background(self.trouble, self._server.tracking.status, self._show, busy=(self.buttons["Refresh"],))

    def _show(self, found: TrackingStatus) -> None:
        self.list.value = mailboxes_html(found, datetime.now(UTC))
        self.counts.value = f"<p class='tk-hint' role='status'>{shown(counts_words(found))}</p>"
        self.trips.value = trips_html(found.round_trips)
        former = f" Taken as well: {counted(found.keys - 1, 'former key')}." if found.keys > 1 else ""
        words = f"Tracking cookies are signed with key {found.key_id}.{former}"
        self.key.value = f"<p class='tk-hint'>{words}</p>" if found.enabled else ""
        role, usable = Role(self._server.role), found.enabled and bool(found.mailboxes)
        self.buttons["Fetch now"].disabled = not (usable and role.covers(Role.operator))
        self.buttons["Send a probe mail"].disabled = self.buttons["Fetch now"].disabled
        self.buttons["New signing key"].disabled = not role.covers(Role.admin)

    def _say(self, words: str, tone: str, call: str) -> None:
        self.said.value = status(words, tone)
        self.code.code = whole(call, self._server)
        self.refresh()

    def poll(self) -> None:
        """Fetch mail from every mailbox now."""
        self.said.value = status("Fetching …", "")

        def done(found: Polled) -> None:
            failed = any(one.words for one in found.mailboxes)
            lines = [
                f"{one.mailbox}: {one.words}"
                if one.words
                else f"{one.mailbox}: {counted(one.fetched, 'mail')} fetched, {one.removed:,} deleted there"
                for one in found.mailboxes
            ]
            words = "<br>".join(shown(line, 500) for line in lines) or "There is no mailbox to fetch from."
            self._say(words, "tk-bad" if failed else "tk-good", "server.tracking.poll()")
            self._fetched()

        def failed(_: Exception) -> bool:
            self.said.value = ""
            return False

        in_background(self.trouble, self._server.tracking.poll, done, busy=(self.buttons["Fetch now"],), failed=failed)

    def probe(self) -> None:
        """Send a probe mail to the server's tracking address."""

        def done(sent: RoundTripView) -> None:
            words = f"The probe mail is in the mail queue as {sent.queue_id}. Refresh shows whether it has come back."
            self._say(shown(words), "tk-good", "server.tracking.round_trip()")

        in_background(self.trouble, self._server.tracking.round_trip, done, busy=(self.buttons["Send a probe mail"],))

    def rotate(self) -> None:
        """Ask, then sign with a new key."""

        def done(made: RotatedKey) -> None:
            words = f"Key {made.key_id} signs from now on; {counted(made.keys, 'key')} are taken."
            self._say(shown(words), "tk-good", "server.tracking.rotate_key()")

        def do() -> None:
            in_background(self.trouble, self._server.tracking.rotate_key, done)

        confirm(self.asking, _KEY_QUESTION, "New key", do)

"""The form that trusts a certificate from a file: chosen, looked at, asked about, then sent."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.trust_words import upload_question
from trackkit.contract.trust import Added
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.work import in_background

_HOST = Field(
    "host", "Mail host", help="Name or address, as in the sending options. Empty: an authority, for every host."
)
_PORT = Field("port", "Port", help="Of the mail host, such as 25, 587 or 465.")


class UploadForm:
    """The form. `widget` is what is shown; `fields`, `upload` and `asking` are for tests.

    Parameters
    ----------
    place: the host and port that the form begins with.
    done: gets what was trusted, and the call that does the same.
    """

    def __init__(
        self,
        server: Server,
        trouble: Trouble,
        place: tuple[str, str],
        done: Callable[[Added, str], None],
        cancel: Callable[[], None],
    ) -> None:
        self._server, self._done = server, done
        self.trouble = trouble.another()
        host, port = place
        self.fields = Fields([Section("", (_HOST, _PORT))], {"host": host, "port": port})
        self.upload = w.FileUpload(description="Choose a file", multiple=False, accept=".pem,.crt,.cer,.der")
        self.cancel, self.asking = w.Button(description="Cancel"), w.VBox()
        self.cancel.on_click(lambda _: cancel())
        self.upload.observe(shows_problems(self.trouble)(lambda _: self._chosen()), names="value")
        words = "A certificate or an authority, PEM or DER. It is described before it is trusted."
        actions = row(self.cancel, self.upload, kind="tk-actions")
        self.widget = w.VBox(
            [title("Upload a certificate", words, level=3), self.fields, self.asking, self.trouble.widget, actions]
        )

    def _chosen(self) -> None:
        if not self.upload.value:
            return
        (given,) = self.upload.value
        name, content = str(given["name"]), bytes(given["content"])
        self.upload.value = ()
        self.look(name, content)

    def look(self, name: str, content: bytes) -> None:
        """Say what a file holds, and ask."""
        self.asking.children, self.fields.messages = (), {}
        host, port = str(self.fields.values["host"]).strip(), self._port()

        def ask(found: Added) -> None:
            confirm(self.asking, upload_question(found.certificate), "Trust it", do)

        def do() -> None:
            place = f", {host!r}, {port}" if host else ""
            in_background(
                self.trouble,
                lambda: self._server.trust.upload(content, host, port),
                lambda done: self._done(done, f"upload({name!r}{place})"),
                failed=self._refused,
            )

        in_background(
            self.trouble,
            lambda: self._server.trust.upload(content, host, port, preview=True),
            ask,
            busy=(self.upload,),
            failed=self._refused,
        )

    def _port(self) -> int:
        text = str(self.fields.values["port"]).strip()
        if text and not (text.isascii() and text.isdigit() and len(text) < 6):
            self.fields.messages = {"port": "is no number"}
            self.fields.focus_on("port")
            raise InvalidInput.of("Port", "is no number")
        return int(text or 0)

    def _refused(self, error: Exception) -> bool:
        if isinstance(error, InvalidInput):
            self.fields.messages = {p.field: p.message for p in error.problems if p.field in ("host", "port")}
        return False

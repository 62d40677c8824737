"""A secret that is shown this once: as a message to the page, never as state of a widget, which notebooks can save.

It is forgotten here as soon as a page has it; a page that is loaded again does not get it again.
"""

from __future__ import annotations

from collections.abc import Sequence

import traitlets as t
from anywidget import AnyWidget

from trackkit.widgets.copy_button import with_copy_button


class ShownOnce(AnyWidget):
    """The secret with what to do with it, and a button that copies it.

    Parameters
    ----------
    words: what it is, and that it is shown this once.
    label: what it is called for screen readers.
    """

    _esm = with_copy_button("shown_once.js")

    words = t.Unicode().tag(sync=True)
    label = t.Unicode().tag(sync=True)

    def __init__(self, words: str, label: str, secret: str) -> None:
        super().__init__(words=words, label=label)
        self._secret: str | None = secret
        self.on_msg(self._told)

    def __repr__(self) -> str:
        return f"<shown once: {self.label}>"

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        if isinstance(content, dict) and content.get("ready") and self._secret is not None:
            secret, self._secret = self._secret, None
            self.send({"secret": secret})

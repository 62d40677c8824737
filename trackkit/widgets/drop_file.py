"""A place to drop a file on. The file travels as a message: it is never state of a widget, which notebooks can save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import traitlets as t
from anywidget import AnyWidget


class DropFile(AnyWidget):
    """The place with its button.

    Parameters
    ----------
    words: on the button.
    accept: which files a browser offers: ``.eml,message/rfc822``.
    largest: bytes a file may have.
    dropped: gets name and content; a handler that can fail brings its own `shows_problems`.
    """

    _esm = Path(__file__).with_name("drop_file.js")

    words = t.Unicode().tag(sync=True)
    hint = t.Unicode("or drop it here").tag(sync=True)
    accept = t.Unicode().tag(sync=True)
    largest = t.Int().tag(sync=True)

    def __init__(self, words: str, accept: str, largest: int, dropped: Callable[[str, bytes], None]) -> None:
        super().__init__(words=words, accept=accept, largest=largest)
        self._dropped = dropped
        self.on_msg(self._told)

    def _told(self, _widget: object, content: object, buffers: Sequence[memoryview]) -> None:
        if isinstance(content, dict) and isinstance(content.get("name"), str) and buffers:
            self._dropped(content["name"], bytes(buffers[0]))

"""A small text file with a secret, chosen in the browser: its content comes as a message, never as state of a widget.

ipywidgets' own upload keeps what was chosen in its state, which notebooks can save.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import traitlets as t
from anywidget import AnyWidget


class SecretFile(AnyWidget):
    """The button that lets a person choose the file.

    Parameters
    ----------
    words: what the button says.
    chosen: gets the content; a handler that can fail brings its own `shows_problems`.
    largest: bytes of the file; a larger one is not read, and the page says so.
    """

    _esm = Path(__file__).with_name("secret_file.js")

    words = t.Unicode().tag(sync=True)
    largest = t.Int().tag(sync=True)

    def __init__(self, words: str, chosen: Callable[[str], None], largest: int) -> None:
        super().__init__(words=words, largest=largest)
        self._chosen = chosen
        self.on_msg(self._told)

    def _told(self, _widget: object, content: object, _buffers: Sequence[memoryview]) -> None:
        if isinstance(content, dict) and isinstance(content.get("text"), str):
            self._chosen(content["text"])

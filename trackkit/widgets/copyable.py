"""A text that people carry elsewhere (an id, an address), with a button that copies it. Secrets: `shown_once`."""

from __future__ import annotations

from pathlib import Path

import traitlets as t
from anywidget import AnyWidget


class Copyable(AnyWidget):
    """The text behind its label; nothing is shown while `text` is empty."""

    _esm = Path(__file__).with_name("copyable.js")

    label = t.Unicode().tag(sync=True)
    text = t.Unicode().tag(sync=True)

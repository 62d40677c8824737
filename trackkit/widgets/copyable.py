"""A text that people carry elsewhere (an id, an address), with a button that copies it. Secrets: `shown_once`."""

from __future__ import annotations

import traitlets as t
from anywidget import AnyWidget

from trackkit.widgets.copy_button import with_copy_button


class Copyable(AnyWidget):
    """The text behind its label; nothing is shown while `text` is empty."""

    _esm = with_copy_button("copyable.js")

    label = t.Unicode().tag(sync=True)
    text = t.Unicode().tag(sync=True)

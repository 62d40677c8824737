"""The line that says what came of an action, brought into sight when it changes."""

from __future__ import annotations

from pathlib import Path

import traitlets as t
from anywidget import AnyWidget


class Said(AnyWidget):
    """Like an HTML widget: `value` is HTML that is safe already (`trackkit.widgets.problems.status`)."""

    _esm = Path(__file__).with_name("said.js")

    value = t.Unicode().tag(sync=True)

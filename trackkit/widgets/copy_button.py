"""Widgets whose text people copy: the button is one script before that of the widget, since widgets cannot import."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def with_copy_button(script: str) -> str:
    """The widget's script by its file name, with ``make`` and ``copyButton`` before it."""
    return "".join((_HERE / name).read_text(encoding="utf-8") for name in ("copy_button.js", script))

"""The buttons of a panel: what each does, with what goes wrong shown on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as w

from trackkit.widgets.problems import Trouble, shows_problems

REFRESH = "Refresh"


def action_buttons(
    actions: Mapping[str, Callable[[], None]], trouble: Trouble, *, primary: str = "", danger: str = ""
) -> dict[str, w.Button]:
    """A button for each action, by its words; disabled until the panel has its list, except *Refresh*.

    Parameters
    ----------
    primary: the words of the one that is meant most often.
    danger: of the one that cannot be undone.
    """
    buttons = {words: w.Button(description=words, disabled=words != REFRESH) for words in actions}
    if primary:
        buttons[primary].button_style = "primary"
    if danger:
        buttons[danger].add_class("tk-danger")
    for words, action in actions.items():
        buttons[words].on_click(shows_problems(trouble)(lambda _, action=action: action()))
    return buttons

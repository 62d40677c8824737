"""Conditions as options of a command, declared once for every command that takes them."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Options = Mapping[str, tuple[Any, Any]]
"""By the name a condition has in Python: how its option is written (annotated), and its default."""


def takes(
    options: Options, read: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command whose second parameter is a dict of the conditions that were given, from options of their own.

    Parameters
    ----------
    read: makes the conditions of what was written.
    """

    def make(command: Callable[..., None]) -> Callable[..., None]:
        first, _, *own = inspect.signature(command).parameters.values()
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]

        @wraps(command)
        def run(server: Any, **given: Any) -> None:
            command(server, read({name: given.pop(name) for name in options}), **given)

        kept = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = inspect.Signature([first, *more, *kept])  # type: ignore[attr-defined]
        return run

    return make

"""Parameters of a report: declared in its notebook's cell tagged ``parameters``, and checked before anything runs.

One line declares one, as papermill reads it too::

    hours: int = 24  # How many hours back the report looks

Types are ``int``, ``float``, ``bool`` and ``str``; without an annotation it is the default's. A cell that says
anything else, or a parameter without a help text, is `InvalidInput`: the notebook is to be mended.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from trackkit.domain.errors import InvalidInput, Problem

Value = int | float | bool | str

_TYPES: Mapping[str, type] = MappingProxyType({"int": int, "float": float, "bool": bool, "str": str})
_KINDS: Mapping[str, str] = MappingProxyType(
    {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
)
_TRUTH: Mapping[str, bool] = MappingProxyType(
    {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `type` is ``int``, ``float``, ``bool`` or ``str``."""

    name: str
    type: str
    default: Value
    help: str

    def problem(self, value: object) -> str:
        """Why `value` is none for this parameter; ``""`` when it is one."""
        if _has_type(value, self.type):
            return ""
        return f"is {ascii(value)[:60]} ({type(value).__name__}); it has to be {_KINDS[self.type]} ({self.type})"

    def of_text(self, text: str) -> object:
        """`text` as the command line takes it, converted by the declared type; the text itself where that fails."""
        try:
            if self.type == "int":
                return int(text)
            if self.type == "float":
                return float(text)
        except ValueError:
            return text
        return _TRUTH.get(text.strip().lower(), text) if self.type == "bool" else text


def _has_type(value: object, name: str) -> bool:
    if name == "float":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is _TYPES[name]


def declared(source: str, notebook: str) -> tuple[Parameter, ...]:
    """The parameters that the source of a parameters cell declares, in their order.

    Parameters
    ----------
    notebook: its name, for errors.
    """
    lines = source.splitlines()
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise _unreadable(notebook, f"line {error.lineno} is no Python: {error.msg}") from None
    return tuple(_declared(statement, lines, notebook) for statement in statements)


def _declared(statement: ast.stmt, lines: Sequence[str], notebook: str) -> Parameter:
    """One line: a name, perhaps its type, a plain value, and what it is for."""
    end = statement.end_lineno or statement.lineno
    line, after = lines[statement.lineno - 1].strip(), lines[end - 1][statement.end_col_offset or 0 :]
    try:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target: ast.expr = statement.target
            default = ast.literal_eval(statement.value)
            kind = ast.unparse(statement.annotation).strip("'\"")
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, default = statement.targets[0], ast.literal_eval(statement.value)
            kind = type(default).__name__
        else:
            raise _unreadable(notebook, f"{line!r} declares no parameter")
    except ValueError:
        raise _unreadable(notebook, f"{line!r} has a default that is no plain value") from None
    if not isinstance(target, ast.Name) or kind not in _TYPES or not _has_type(default, kind):
        raise _unreadable(notebook, f"{line!r} is no name with a type of {', '.join(_TYPES)} and a default of it")
    text = after.strip().removeprefix("#").strip()
    if not text:
        raise _unreadable(notebook, f"{line!r} does not say what it is for; put that behind it as a comment")
    return Parameter(target.id, kind, default, text)


def _unreadable(notebook: str, why: str) -> InvalidInput:
    return InvalidInput(f"The parameters of {notebook} cannot be read: {why}.", "Mend the cell tagged `parameters`.")


def checked(parameters: Sequence[Parameter], given: Mapping[str, object], report: str) -> dict[str, Value]:
    """The given values, or `InvalidInput` that names each unknown and each wrongly typed one."""
    known = {parameter.name: parameter for parameter in parameters}
    names = ", ".join(known) or "none"
    problems = [
        Problem(
            name, known[name].problem(value) if name in known else f"is no parameter of this report; it has {names}"
        )
        for name, value in given.items()
    ]
    refused = [problem for problem in problems if problem.message]
    if refused:
        raise InvalidInput(
            f"The parameters of {report} were refused; nothing was run.",
            "`trackkit report list` shows each report's parameters.",
            problems=refused,
        )
    return {name: value for name, value in given.items() if isinstance(value, int | float | bool | str)}

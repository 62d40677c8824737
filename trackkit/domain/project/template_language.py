"""The language of e-mail templates: Jinja's, without everything that could reach out of them or go on for ever.

A template is read into a tree first, and only what `_ALLOWED` names may stand in that tree: text, names, their fields,
conditions, and the filters below. There are no calls, loops, assignments, sums, macros and includes; so what a template
costs is bounded by its own length, and there is no way from a value to the Python behind it. `getattr` and `getitem`
know nothing but the fields of `Named`, which is what makes an attribute of Python unreachable whatever is written. The
sandbox of Jinja is below all that.

Everything that is wrong is a `Fault` with its line; nothing else is ever raised for what a template holds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST: Final = 200_000
"""Characters that a template, or a value in between, may become."""

_MOST_NODES: Final = 5_000
_DEEPEST: Final = 40
_FILE: Final = "<template>"
_WRONG_TYPE: Final = "values of different kinds are compared, or a filter does not take what it is given"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in which line of the template."""

    line: int
    words: str


class TemplateFault(Exception):
    """A template that cannot be used."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"line {fault.line}: {fault.words}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Named:
    """Something that templates name (``record``), with its fields."""

    name: str
    fields: Mapping[str, object]


class _Refused(Exception):
    """A value that cannot be had, in words."""


class _Language(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._field(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._field(obj, argument)

    def _field(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, Named) and name in obj.fields:
            return obj.fields[name]
        what = (
            f"{obj.name} has no {name!r}" if isinstance(obj, Named) else f"there is nothing called {name!r} in a value"
        )
        return self.undefined(hint=what, obj=obj, name=str(name))


def _refuse_longer(length: int) -> None:
    if length > LONGEST:
        raise _Refused(f"this becomes longer than {LONGEST:,} characters")


def _bounded(text: str) -> str:
    _refuse_longer(len(text))
    return text


def _text(value: object) -> str:
    return str(written(value))  # what is not there raises, in its own words


def _default(value: object, instead: str = "") -> object:
    return instead if isinstance(value, Undefined) or value is None or value == "" else value


def _replace(value: object, old: object, new: object) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if before == "":
        raise _Refused("replace needs something to look for")
    _refuse_longer(len(text) + text.count(before) * (len(after) - len(before)))
    return text.replace(before, after)


def _truncate(value: object, length: object = 100) -> str:
    text = _text(value)
    if not isinstance(length, int) or not 1 <= length <= LONGEST:
        raise _Refused(f"truncate takes a length between 1 and {LONGEST:,}")
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _quote(value: object) -> str:
    """Every line with ``> `` before it, as an answer quotes."""
    text = _text(value).rstrip("\n")
    _refuse_longer(len(text) + 2 * (text.count("\n") + 1))
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _date(value: object, pattern: object = "%Y-%m-%d") -> str:
    if value is None:
        return ""
    if not isinstance(value, date) or not isinstance(pattern, str):
        raise _Refused("date is for dates, with a pattern such as '%d.%m.%Y'")
    if not re.fullmatch(r"(%[YmdHMyBbAa%]|[^%]){0,50}", pattern):  # no widths: they could ask for any length
        raise _Refused("the pattern of date may hold %Y %m %d %H %M %y %B %b %A %a")
    return value.strftime(pattern)


_FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "upper": lambda value: _bounded(_text(value).upper()),
    "lower": lambda value: _bounded(_text(value).lower()),
    "capitalize": lambda value: _bounded(_text(value).capitalize()),
    "trim": lambda value: _text(value).strip(),
    "length": lambda value: len(_text(value)),
    "default": _default,
    "replace": _replace,
    "truncate": _truncate,
    "quote": _quote,
    "date": _date,
}
FILTERS: Final = tuple(_FILTERS)
"""What may stand behind a bar: ``{{ record.title | upper }}``."""

_TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
}


def written(value: object) -> object:
    """A value as it stands in the text: nothing for none, dates as YYYY-MM-DD."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M %Z}"
    if isinstance(value, str | int | float | date):
        return str(value)
    if isinstance(value, Undefined):
        return value
    if isinstance(value, Named):
        raise _Refused(f"{value.name} is no text: name one of its fields, as in {value.name}.name")
    raise _Refused("this is no text")


def _language() -> _Language:
    made = _Language(
        undefined=StrictUndefined, finalize=written, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters, made.tests, made.globals = dict(_FILTERS), dict(_TESTS), {}
    return made


_LANGUAGE: Final = _language()

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand),
    *(nodes.Filter, nodes.Test, nodes.List, nodes.Tuple, nodes.Keyword),
)

_WORDS: Final[tuple[tuple[tuple[type[nodes.Node], ...], str], ...]] = (
    ((nodes.For,), "there are no loops in templates"),
    ((nodes.Call, nodes.CallBlock), "nothing can be called in templates; there are filters: " + ", ".join(FILTERS)),
    ((nodes.Assign, nodes.AssignBlock, nodes.With), "there are no assignments in templates"),
    ((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends), "a template cannot take in another one"),
    ((nodes.Macro, nodes.Block, nodes.FilterBlock), "there are no macros and blocks in templates"),
    ((nodes.BinExpr, nodes.UnaryExpr, nodes.Concat), "there is no calculating and joining in templates"),
)


@lru_cache(maxsize=256)
def read(text: str, names: tuple[str, ...]) -> Template:
    """A template, checked and ready; `names` are what may be used in it: ``record.title``. `TemplateFault`."""
    try:
        tree = _LANGUAGE.parse(text, filename=_FILE)
        if faults := tuple(_Check(names).faults(tree)):
            raise TemplateFault(*faults)
        return Template.from_code(_LANGUAGE, _LANGUAGE.compile(tree, filename=_FILE), {}, None)
    except TemplateSyntaxError as error:
        raise TemplateFault(Fault(error.lineno, _small(error.message or "this cannot be read"))) from None
    except (RecursionError, MemoryError, ValueError, OverflowError, SyntaxError):  # of Python's own reading, too
        words = "it cannot be read: it is nested too deeply, or a number in it is too long"
        raise TemplateFault(Fault(1, words)) from None


def render(template: Template, names: Mapping[str, Named]) -> str:
    """What it becomes; `TemplateFault`."""
    parts: list[str] = []
    length = 0
    try:
        for part in template.generate(**names):
            length += len(part)
            if length > LONGEST:
                raise TemplateFault(Fault(1, f"it becomes longer than {LONGEST:,} characters"))
            parts.append(part)
    except (_Refused, UndefinedError, TypeError, ValueError) as error:
        words = _WRONG_TYPE if isinstance(error, TypeError) else str(error)
        raise TemplateFault(Fault(_line_of(error), words)) from None
    return "".join(parts)


class _Check:
    """Finds what may not stand in a template."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._roots = {name.partition(".")[0] for name in names}
        self._left = _MOST_NODES

    def faults(self, node: nodes.Node, line: int = 1, depth: int = 0, *, lenient: bool = False) -> Iterator[Fault]:
        """Everything wrong in a node and below it; `line` is where it stands if it does not know itself."""
        self._left -= 1
        line = node.lineno or next((child.lineno for child in node.iter_child_nodes() if child.lineno), line)
        if depth > _DEEPEST or self._left == 0:
            yield Fault(line, "it is nested too deeply" if depth > _DEEPEST else "it holds too many expressions")
        if depth > _DEEPEST or self._left <= 0:
            return
        if words := self._words(node, lenient):
            yield Fault(line, words)
            return
        asks = isinstance(node, nodes.Test) or (isinstance(node, nodes.Filter) and node.name == "default")
        for child in node.iter_child_nodes():
            if not isinstance(node, nodes.Getattr | nodes.Getitem):
                yield from self.faults(child, line, depth + 1, lenient=asks)

    def _words(self, node: nodes.Node, lenient: bool) -> str:
        """What is wrong with a node itself; empty when nothing is."""
        if not isinstance(node, _ALLOWED):
            return next((words for kinds, words in _WORDS if isinstance(node, kinds)), "this has no place in templates")
        if isinstance(node, nodes.Name):
            return "" if node.name in self._roots else self._unknown(node.name)
        if isinstance(node, nodes.Getattr):
            return self._field(node.node, node.attr, lenient)
        if isinstance(node, nodes.Getitem):
            key = node.arg.value if isinstance(node.arg, nodes.Const) else None
            return self._field(node.node, key, lenient) if isinstance(key, str) else "there are no lists in templates"
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            return f"there is no filter {node.name!r}; there are {', '.join(FILTERS)}"
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            return f"there is no test {node.name!r}; there are {', '.join(_TESTS)}"
        return ""

    def _field(self, of: nodes.Node, field: str, lenient: bool) -> str:
        if not isinstance(of, nodes.Name):
            return "only record, project, user and server have fields"
        if of.name not in self._roots:
            return self._unknown(of.name)
        name = f"{of.name}.{field}"
        return "" if name in self._names or (lenient and not field.startswith("_")) else self._unknown(name)

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, (*self._names, *self._roots), n=1)
        return f"there is no {name}" + (
            f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self._names)}"
        )


def _line_of(error: BaseException) -> int:
    line, at = 1, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == _FILE:
            line = at.tb_lineno
        at = at.tb_next
    return line


def _small(words: str) -> str:
    words = words.rstrip(".")[:300]
    return words[:1].lower() + words[1:]

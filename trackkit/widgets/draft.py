"""What a person has typed into a form of options, over what the server said: pure, without any widget.

`Draft` knows what differs, whether it would be refused and where, what it would warn about, and, when another
administrator was faster, what that one changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from trackkit.contract.options import OptionsState, OptionValue
from trackkit.domain import options as declared
from trackkit.domain.errors import InvalidInput
from trackkit.domain.option_advice import Proposal, new_warnings, proposals
from trackkit.domain.options import catalogue
from trackkit.widgets.fields import Text


@dataclass(frozen=True, slots=True)
class Draft:
    """Typed values by option name, over a state of the server.

    Parameters
    ----------
    typed: as `text_of` shows values; a secret's is what is typed, empty = unchanged.
    removed: the secrets that shall be removed.
    """

    seen: OptionsState
    typed: Mapping[str, Text]
    removed: Collection[str] = ()

    def changes(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What differs from the server, by name; and what cannot be read at all, with the reason."""
        changes: dict[str, Any] = {}
        unreadable: dict[str, str] = {}
        for name, text in self.typed.items():
            info = catalogue()[name]
            if info.secret:
                if text:
                    changes[name] = SecretStr(str(text))
                elif name in self.removed:
                    changes[name] = None
                continue
            if text == text_of(name, self.seen):
                continue
            try:
                changes[name] = text if isinstance(text, bool) else _read(name, text)
            except InvalidInput as error:
                unreadable[name] = error.problems[0].message
        return changes, unreadable

    def check(self) -> Check:
        """Whether the changes hold, by the same rules that the server has."""
        changes, refused = self.changes()
        now = self.seen.known()
        try:
            then = declared.changed(now, changes)
        except InvalidInput as error:
            return Check(changes, {**{one.field: one.message for one in error.problems}, **refused})
        return Check(changes, refused, tuple(new_warnings(now, then)), proposals(then))

    def revisions(self, changes: Collection[str]) -> dict[str, int]:
        """The revision of each group the changes touch, as it was seen."""
        return {name: self.seen.revisions[name] for name in {catalogue()[change].group for change in changes}}


@dataclass(frozen=True, slots=True)
class Check:
    """What came out of looking at a draft."""

    changes: Mapping[str, Any]
    refused: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    proposals: Mapping[str, Proposal] = field(default_factory=dict)


def _read(name: str, text: str) -> object:
    info = catalogue()[name]
    value = info.parse(text.strip() if info.kind != "choice" else text)
    return None if value == "" and info.default is None else value


def text_of(name: str, state: OptionsState) -> Text:
    """A value of the server as its field shows it; of a secret nothing."""
    value = state.value(name)
    if isinstance(value, bool):
        return value
    return "" if value is None else str(value)


def words_of(name: str, value: object) -> str:
    """A value in a sentence; of a secret only that there is one."""
    if value is None or value == "":
        return "(none)"
    if catalogue()[name].secret:
        return "(not shown)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@dataclass(frozen=True, slots=True)
class Difference:
    """One option that somebody else changed."""

    name: str
    before: str
    after: str
    mine: str
    """What is typed here for the same option; empty when it is not being changed here."""

    def words(self) -> str:
        """As a line for a person."""
        line = f"{catalogue()[self.name].title}: was {self.before}, is now {self.after}"
        return f"{line}; yours: {self.mine}" if self.mine else line


def differences(old: OptionsState, new: OptionsState, mine: Mapping[str, Any]) -> list[Difference]:
    """What changed between two states of the server, as far as it can be seen (secrets: only set or not)."""
    found = []
    before = {option.name: option for option in old.options}
    for option in new.options:
        was = before.get(option.name)
        if was is None or option.name not in catalogue() or (was.value, was.is_set) == (option.value, option.is_set):
            continue
        ends = [_seen(option.name, one) for one in (was, option)]
        typed = words_of(option.name, mine[option.name]) if option.name in mine else ""
        found.append(Difference(option.name, ends[0], ends[1], typed))
    return found


def _seen(name: str, option: OptionValue) -> str:
    if catalogue()[name].secret:
        return "set" if option.is_set else "not set"
    return words_of(name, option.value)


def still_differs(changes: Mapping[str, Any], state: OptionsState) -> bool:
    """Whether the server does not have these values yet; a secret may always differ."""
    return any(catalogue()[name].secret or state.value(name) != value for name, value in changes.items())


def notes(state: OptionsState, names: Collection[str]) -> list[str]:
    """What has to be known of those options: what a restart is needed for, and what else then."""
    waiting = {
        option.name: "Takes effect at the server's next start." for option in state.options if option.restart_needed
    }
    found = {**waiting, **state.notes}  # an older server says only that a restart is needed
    return [f"{catalogue()[name].title}: {words}" for name, words in found.items() if name in names]

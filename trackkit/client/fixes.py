"""Applying what a diagnosis or a test offers: first what it would change, to be looked at, then the deed.

Fails with what the operation fails with; `Conflict` when there is nothing (any more) to apply it to, or somebody
changed the options since they were looked at. Nothing is changed then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.trust_words import added, trust_question
from trackkit.contract.fixes import FixView
from trackkit.contract.options import OptionsState
from trackkit.domain.errors import Conflict
from trackkit.domain.fixes import SET_OPTIONS, TRUST
from trackkit.domain.options import catalogue, warnings
from trackkit.domain.options import changed as changed_options
from trackkit.domain.text import counted
from trackkit.domain.trust import where

if TYPE_CHECKING:
    from trackkit.client.server import Server


@dataclass(frozen=True, slots=True)
class Prepared:
    """What applying would do.

    question: what changes from what to what, in lines, and the question.
    do: applies it; returns what happened, in words.
    """

    question: str
    do: Callable[[], str]


def prepare(server: Server, fix: FixView, secrets: Mapping[str, str | SecretStr] | None = None) -> Prepared:
    """Look at what applying would change.

    Parameters
    ----------
    secrets: further options to set with it, which only a person knows.
    """
    if fix.operation == SET_OPTIONS:
        return _options(server, fix, secrets or {})
    if fix.operation == TRUST:
        return _trust(server, fix)
    return _verb(server, fix)


def _options(server: Server, fix: FixView, secrets: Mapping[str, str | SecretStr]) -> Prepared:
    state = server.options.get()
    known, now = catalogue(), state.known()
    changes = {**fix.changes, **{name: _hidden(value) for name, value in secrets.items()}}
    then = changed_options(now, changes)
    # A secret's value is never seen, so it may always be another one.
    different = {name: v for name, v in changes.items() if known[name].secret or state.value(name) != v}
    if not different:
        raise Conflict("The options are like that already.", "Look at the mail again; its trouble may be another one.")
    lines = [f"{known[name].title}: {_text(state, name)} → {_then(name, v)}" for name, v in different.items()]
    lines += [warning for warning in warnings(then) if warning not in warnings(now)]
    touched = {known[name].group for name in different}
    revisions = {group: number for group, number in state.revisions.items() if group in touched}

    def do() -> str:
        server.options.set(different, revisions)
        return f"{fix.words}: done. {counted(len(different), 'option')} changed."

    return Prepared("\n".join([*lines, f"{fix.words}?"]), do)


def _hidden(value: str | SecretStr) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr(value)


def _text(state: OptionsState, name: str) -> str:
    if catalogue()[name].secret:
        return "(set)" if any(one.is_set for one in state.options if one.name == name) else "(none)"
    return catalogue()[name].text(state.value(name)) or "(none)"


def _then(name: str, value: object) -> str:
    if catalogue()[name].secret:
        return "(removed)" if value is None else "(set anew)"
    return catalogue()[name].text(value) or "(none)"


def _trust(server: Server, fix: FixView) -> Prepared:
    place = fix.host, fix.port
    found = [one for one in server.trust.untrusted() if (one.host, one.port) == place and not one.refusal]
    if not found:
        raise Conflict(
            f"No certificate of {where(fix.host, fix.port)} waits to be trusted.",
            "It may be trusted already; reattempt the mail, or test the settings.",
        )
    # The one that was seen last: what the host shows now.
    one = found[0]
    return Prepared(trust_question(one), lambda: added(server.trust.add(one.certificate_id)))


def _verb(server: Server, fix: FixView) -> Prepared:
    mail = server.mail
    verbs = {"mail.reattempt": mail.reattempt, "mail.release": mail.release, "mail.undelete": mail.undelete}
    act = verbs.get(fix.operation)
    if act is None or not fix.queue_ids:
        raise Conflict(f"{fix.words}: there is no mail to do this to.", "Choose the mail in the queue.")

    def do() -> str:
        results = act(fix.queue_ids).results
        refused = [f"{one.queue_id}: {one.reason}" for one in results if not one.done]
        done = counted(len(results) - len(refused), "message")
        return "\n".join([f"{fix.words}: {done}.", *refused])

    return Prepared(f"{fix.words}: {counted(len(fix.queue_ids), 'message')}?", do)

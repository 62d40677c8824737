"""Suggest: settings for sending, found for an e-mail address or a domain."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trackkit.contract.fixes import FixView
from trackkit.contract.operation import Operation, Request, Response
from trackkit.contract.options import Value
from trackkit.domain import errors, suggestions
from trackkit.domain.accounts import Role
from trackkit.domain.fixes import SET_OPTIONS
from trackkit.domain.options import Options
from trackkit.domain.sending_settings import still_needed
from trackkit.domain.suggestions import MOST_HOSTS, Result, Source

HostName = Annotated[str, Field(min_length=1, max_length=253)]


class Suggest(Request):
    """What settings are looked for.

    about: an e-mail address, a domain, or a host by its IP address.
    hosts: hosts to try instead of the domain's usual ones; being named, they may lie in private networks.
    private: connect also to what lies in private networks and on the server machine.
    """

    about: str = Field(min_length=1, max_length=320)
    hosts: tuple[HostName, ...] = Field((), max_length=MOST_HOSTS)
    private: bool = False


class Candidate(Response):
    """Settings to choose from.

    source, where: where they are from, for programs and for people.
    answered: the host was connected to, and is as the settings say.
    words: what is known of it, and what has to be looked at before it is used.
    fix: what using it changes; for `Server.apply`.
    needs: the options that have to be given besides, because only a person knows them.
    """

    source: Source
    where: str
    answered: bool
    words: tuple[str, ...]
    fix: FixView
    needs: tuple[str, ...]

    @classmethod
    def of(cls, found: suggestions.Candidate, now: Options) -> Candidate:
        """What was found, as what it changes in the options `now`."""
        changes = found.settings.changes(now)
        return cls(
            source=found.source,
            where=found.where,
            answered=found.answered,
            words=found.words,
            fix=FixView(operation=SET_OPTIONS, words=f"Use {found.settings.label}", changes=changes),
            needs=still_needed(now, changes),
        )

    @property
    def changes(self) -> dict[str, Value]:
        """By option name what using it changes."""
        return self.fix.changes


class SourceTold(Response):
    """What a source came to, and in words what it has or why it has nothing."""

    source: Source
    result: Result
    words: str


class Suggestions(Response):
    """Candidates, best first, and what each source came to."""

    about: str
    candidates: tuple[Candidate, ...]
    sources: tuple[SourceTold, ...]


SUGGEST = Operation(
    "mail.suggest",
    "POST",
    "/mail/suggest",
    Suggest,
    Suggestions,
    Role.admin,
    "Find settings for sending for an address or a domain",
    errors=(errors.TooManyAttempts,),
    audited=True,
)

OPERATIONS = (SUGGEST,)

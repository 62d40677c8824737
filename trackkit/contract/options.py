"""Server options over the wire. Secrets go in and never come out: only whether one is set."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from trackkit.contract.operation import Nothing, Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.options import Options, catalogue, from_flat


def _plain(value: object) -> object:
    """Said once here, because a union would say it once for each of its members."""
    if value is not None and not isinstance(value, bool | int | str):
        raise PydanticCustomError("option_value", "is neither text nor a whole number nor yes or no")
    return value


Value = Annotated[bool | int | str | None, BeforeValidator(_plain)]


class OptionValue(Response):
    """One option. Of a secret only `is_set` tells; its value is always null."""

    name: str
    value: Value
    is_set: bool
    """It differs from the default."""
    restart_needed: bool = False
    """It was changed since the server started and takes effect at the next start."""


class OptionsState(Response):
    """Every option, and the revision of each group (it counts the group's changes)."""

    options: tuple[OptionValue, ...]
    revisions: dict[str, int]
    warnings: tuple[str, ...] = ()
    changed_at: datetime | None = None
    changed_by: str = ""

    def value(self, name: str) -> Value:
        """The value of one option; `KeyError` when there is none of that name."""
        return {o.name: o.value for o in self.options}[name]

    def known(self) -> Options:
        """The options as far as this side knows them, to check changes against; of a secret only that it is set."""
        found = {o.name: o for o in self.options if o.name in catalogue()}
        hidden = {name: SecretStr("set") for name, o in found.items() if catalogue()[name].secret and o.is_set}
        return from_flat({**{name: o.value for name, o in found.items()}, **hidden})


class SetOptions(Request):
    """Values by option name; all or none.

    `revisions` holds the revision of each touched group as the caller last saw it; when somebody else changed the
    group meanwhile, `Conflict` is raised and nothing changes. Empty: no such check.
    """

    values: dict[str, Value] = Field(max_length=500, repr=False)
    revisions: dict[str, int] = Field(default_factory=dict, max_length=50)


GET = Operation(
    "options.get", "GET", "/options", Nothing, OptionsState, Role.viewer, "All server options, without secrets"
)
SET = Operation(
    "options.set",
    "PATCH",
    "/options",
    SetOptions,
    OptionsState,
    Role.admin,
    "Change server options",
    errors=(errors.Conflict,),
    audited=True,
)

OPERATIONS = (GET, SET)

"""Server options over the wire. Secrets go in and never come out: only whether one is set."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
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
    notes: dict[str, str] = Field(default_factory=dict)
    """By option name: that a restart is needed and what else then, and that ``--port`` wins."""
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


class ExportOptions(Request):
    """Without `everything` only what differs from its default."""

    everything: bool = False


class OptionsFile(Response):
    """The options as a file."""

    text: str
    secrets: tuple[str, ...]
    """The secret options that are set; the file holds none of them."""


class PlanOptions(Request):
    """The file's text. References to secrets are not resolved: a plan needs none."""

    text: str


class PlannedChange(Response):
    """One option that would change, with its values as text; of a secret only whether one is set and where from."""

    name: str
    before: str
    after: str
    restart: bool
    secret: bool = False


class Plan(Response):
    """What would change. `revisions` of the touched groups: given to what carries the plan out, it refuses to when
    somebody changed one of them meanwhile."""

    changes: tuple[PlannedChange, ...]
    warnings: tuple[str, ...] = ()
    notes: dict[str, str] = Field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    """Of a revert: what somebody else changed since."""
    left_out: tuple[str, ...] = ()
    """Of a revert: what cannot be reverted, because it is a secret or no option any more."""
    revisions: dict[str, int]


class ApplyOptions(Request):
    """The file's text, and by option name the secrets that it has references to: who applies it resolves them.

    `revisions` as in `SetOptions`.
    """

    text: str
    secrets: dict[str, SecretStr] = Field(default_factory=dict, max_length=100)
    revisions: dict[str, int] = Field(default_factory=dict, max_length=50)


class OptionHistory(Request):
    """A page of change sets, newest first; `before` as the page before said."""

    before: RowNumber | None = None
    limit: int = Field(50, ge=1, le=1000)


class ChangedOption(Response):
    """One option of a change set. Of a secret never a value: ``none``, ``set`` and ``changed`` instead."""

    name: str
    before: Value
    after: Value
    secret: bool = False


class ChangeSet(Response):
    """What somebody changed at once."""

    change_id: int
    at: datetime
    username: str
    client_address: str
    operation: str
    """``options.set``, ``options.apply`` or ``options.revert``."""
    reverts: int | None = None
    changes: tuple[ChangedOption, ...]


class ChangeSets(Response):
    """A page of the history."""

    sets: tuple[ChangeSet, ...]
    next_before: int | None


class RevertPlan(Request):
    """Which change set."""

    change_id: RowNumber


class RevertOptions(Request):
    """Put the values back that a change set replaced.

    `anyway`: also those that somebody has changed since; without it that is a `Conflict`.
    """

    change_id: RowNumber
    anyway: bool = False
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
EXPORT = Operation(
    "options.export",
    "GET",
    "/options/file",
    ExportOptions,
    OptionsFile,
    Role.viewer,
    "The options as a file, without secrets",
)
PLAN = Operation(
    "options.plan",
    "POST",
    "/options/file/plan",
    PlanOptions,
    Plan,
    Role.viewer,
    "What applying a file of options would change",
)
APPLY = Operation(
    "options.apply",
    "PUT",
    "/options/file",
    ApplyOptions,
    OptionsState,
    Role.admin,
    "Change the options to what a file says",
    errors=(errors.Conflict,),
    audited=True,
)
HISTORY = Operation(
    "options.history",
    "GET",
    "/options/changes",
    OptionHistory,
    ChangeSets,
    Role.viewer,
    "Who changed which options, when, and from what to what",
)
PLAN_REVERT = Operation(
    "options.plan_revert",
    "GET",
    "/options/changes/{change_id}/revert",
    RevertPlan,
    Plan,
    Role.viewer,
    "What reverting a change of options would change",
    errors=(errors.NotFound,),
)
REVERT = Operation(
    "options.revert",
    "POST",
    "/options/changes/{change_id}/revert",
    RevertOptions,
    OptionsState,
    Role.admin,
    "Revert a change of options, as a new change",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)

OPERATIONS = (GET, SET, EXPORT, PLAN, APPLY, HISTORY, PLAN_REVERT, REVERT)

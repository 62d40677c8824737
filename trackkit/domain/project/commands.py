"""The commands that security groups give: one for each kind and verb, such as ``defect.edit``."""

from __future__ import annotations

from typing import Final, Literal

from trackkit.domain.project.kind import RECORD_KINDS, Kind

Verb = Literal["view", "add", "edit", "delete"]

VERBS: Final[tuple[Verb, ...]] = ("view", "add", "edit", "delete")


def command(kind: Kind, verb: Verb) -> str:
    """The command that allows a verb on a kind."""
    return f"{kind}.{verb}"


COMMANDS: Final = tuple(command(kind, verb) for kind in Kind for verb in VERBS)
"""Every command."""

ADMINISTRATORS: Final = "Administrators"
"""The group of a new database that may everything."""

MEMBERS: Final = "Members"
"""The group of a new database that works with records."""

_WORK: Final[tuple[Verb, ...]] = ("add", "edit")
_WORKED_ON: Final = (*RECORD_KINDS, Kind.workbook_task)

MEMBERS_MAY: Final = (
    *(command(kind, "view") for kind in Kind if kind is not Kind.tracked_email),
    *(command(kind, verb) for kind in _WORKED_ON for verb in _WORK),
)
"""What the group `MEMBERS` of a new database may; tracked e-mail starts disabled (SPEC §8)."""

"""The commands that security groups give: one for each kind and verb, such as ``defect.edit``; for each of the five
kinds of records four more about its e-mails, such as ``defect.send_mail`` (SPEC §8).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from trackkit.domain.project.kind import RECORD_KINDS, Kind

Verb = Literal["view", "add", "edit", "delete"]
MailVerb = Literal["send_mail", "reply_to_mail", "view_mail", "delete_mail"]

VERBS: Final[tuple[Verb, ...]] = ("view", "add", "edit", "delete")
MAIL_VERBS: Final[Mapping[MailVerb, str]] = MappingProxyType(
    {
        "send_mail": "Send Tracked E-mail",
        "reply_to_mail": "Reply to Tracked E-mail",
        "view_mail": "View Tracked E-mail",
        "delete_mail": "Delete Tracked E-mail",
    }
)
"""The verbs about the e-mails of a record, as people call them."""


def command(kind: Kind, verb: Verb | MailVerb) -> str:
    """The command that allows a verb on a kind."""
    return f"{kind}.{verb}"


_ITEMS: Final = tuple(kind for kind in Kind if kind is not Kind.tracked_email)
"""What is worked on as items; e-mails have commands of their own."""

MAIL_COMMANDS: Final = tuple(command(kind, verb) for kind in RECORD_KINDS for verb in MAIL_VERBS)
"""The commands about e-mails; every one starts disabled (SPEC §8)."""

COMMANDS: Final = (*(command(kind, verb) for kind in _ITEMS for verb in VERBS), *MAIL_COMMANDS)
"""Every command."""

ADMINISTRATORS: Final = "Administrators"
"""The group of a new database that may everything."""

MEMBERS: Final = "Members"
"""The group of a new database that works with records."""

_WORK: Final[tuple[Verb, ...]] = ("add", "edit")
_WORKED_ON: Final = (*RECORD_KINDS, Kind.workbook_task)

MEMBERS_MAY: Final = (
    *(command(kind, "view") for kind in _ITEMS),
    *(command(kind, verb) for kind in _WORKED_ON for verb in _WORK),
)
"""What the group `MEMBERS` of a new database may."""

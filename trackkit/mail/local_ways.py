"""The ways that end on this machine: into a folder, and to the mail program by MAPI.

`LocalPlaces` knows for both which calls were left alone, over all lanes and all changes of options.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from trackkit.domain.log import Severity
from trackkit.domain.message import BY_MAPI
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.blocking import PATIENCE_SECONDS, LeftAlone
from trackkit.mail.conversation import Conversation
from trackkit.mail.destinations import PICKUP
from trackkit.mail.next_hop import Report
from trackkit.mail.transports import mapi, pickup
from trackkit.mail.way import Connection, MapiLogin, Plan, Way
from trackkit.services.machine import Machine


class LocalPlaces:
    """What of this machine mail is handed over to; a call that hangs is reported."""

    def __init__(self, machine: Machine, report: Report) -> None:
        self.machine = machine
        self.folders = LeftAlone(partial(_tell, report, "the pickup folder"))
        self.mapi = LeftAlone(partial(_tell, report, "the mail program (MAPI)"))
        self.one_call = asyncio.Lock()
        """MAPI takes one call at a time."""

    def way(self, name: str, plan: Plan) -> Way:
        """The way of the destination of that name."""
        if name == PICKUP and plan.folder is not None:
            return IntoFolder(plan.folder, self)
        if name == BY_MAPI and plan.mapi is not None:
            return ByMapi(plan.mapi, self)
        return NoWay()


def _tell(report: Report, what: str) -> None:
    details = f"Nothing new is begun there for {PATIENCE_SECONDS / 60:.0f} minutes, unless it comes back before."
    report(Severity.warning, f"A call to {what} does not come back; it is left alone.", details)


@dataclass(frozen=True, slots=True)
class IntoFolder:
    """The way into the pickup folder."""

    folder: str
    places: LocalPlaces

    @property
    def label(self) -> str:
        """The folder."""
        return pickup.label_of(self.folder)

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """As `Way.open`; there is one folder."""
        if besides:
            return None
        return await pickup.connect(self.places.machine, self.folder, self.places.folders, conversation)


@dataclass(frozen=True, slots=True)
class ByMapi:
    """The way to the mail program."""

    login: MapiLogin
    places: LocalPlaces

    @property
    def label(self) -> str:
        """MAPI and its profile."""
        return mapi.label_of(self.login)

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """As `Way.open`; there is one mail program."""
        if besides:
            return None
        places = self.places
        return await mapi.connect(places.machine.mapi_library, self.login, places.one_call, places.mapi, conversation)


@dataclass(frozen=True, slots=True)
class NoWay:
    """Where there is none any more: options changed between claiming and sending."""

    label: str = "no mail host"

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """As `Way.open`; it never is one."""
        text = "the options were changed while this mail was about to be sent"
        conversation.note(text)
        return Outcome(Verdict.temporary, Stage.configuration, Failure.interrupted, text=text)

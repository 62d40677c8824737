"""The ways mail leaves: over the relay, to the mail hosts of a recipient's domain, into a folder, by MAPI.

A way opens connections to its destination; everything after that is the same for all. It never raises for what happens
on the network: that is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from pydantic import SecretStr

from trackkit.domain.message import Envelope, Following
from trackkit.domain.options import SendingMethod, SendingOptions
from trackkit.domain.replies import Outcome
from trackkit.domain.trust import Trusted, trust_of
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.conversation import Conversation
from trackkit.mail.next_hop import Report
from trackkit.mail.pop_before_smtp import BehindDoor, Door
from trackkit.mail.route import PopAccount, Route, pop_account, relay_route
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.smtp import connect


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all lanes share."""

    clock: Callable[[], datetime]
    report: Report
    tls_context: TlsContext
    ehlo_name: str
    tokens: AccessTokens


class Connection(Protocol):
    """Something open that takes one message after the other; what it is to SMTP it is to every way."""

    @property
    def label(self) -> str:
        """Who takes the mail, as attempts name it."""

    @property
    def host(self) -> str:
        """Which of the destination's hosts it is."""

    @property
    def conversation(self) -> Conversation:
        """What was said about the current or last message."""

    @property
    def over(self) -> bool:
        """Whether either side has ended it."""

    @property
    def usable(self) -> bool:
        """Whether another message may be sent over it."""

    async def deliver(
        self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome], following: Following | None = None
    ) -> bool:
        """Send a message; fill in an outcome for each recipient as soon as it is known.

        Parameters
        ----------
        outcomes: is filled, by address. When this is cancelled or raises, what stands in it holds, and who is missing
            was not sent to.
        following: may be asked for what comes next, by who gains from knowing.

        Returns False when the connection had been kept from an earlier message and turned out to be over before this
        one was begun: then nothing was tried, and a new connection will tell.
        """

    async def close(self) -> None:
        """Take leave."""

    def abort(self) -> None:
        """Close at once."""


class Way(Protocol):
    """Opens connections to one destination."""

    @property
    def label(self) -> str:
        """The destination as reports name it."""

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """A connection, or the outcome for every recipient that was to be sent to; none when no host is left.

        Parameters
        ----------
        besides: hosts that have broken off in this attempt and are not to be tried again.
        """


@dataclass(frozen=True, slots=True)
class Relay:
    """The way over the relay."""

    route: Route
    shared: Surroundings
    door: Door | None = None
    """Where the relay wants POP before SMTP."""

    @property
    def label(self) -> str:
        """The relay."""
        return self.route.label

    async def open(self, conversation: Conversation, besides: Collection[str] = ()) -> Connection | Outcome | None:
        """As `Way.open`; there is one host, tried again when its door has to be opened again."""
        shared, door = self.shared, self.door
        if besides and (door is None or door.is_open):
            return None
        made = None
        if door is not None:
            opened = await door.open(conversation)
            if isinstance(opened, Outcome):
                return opened
            made = partial(BehindDoor, door=door, just_opened=opened)
        return await connect(self.route, shared.tls_context, shared.ehlo_name, conversation, shared.tokens, made)


@dataclass(frozen=True, slots=True)
class MapiLogin:
    """How to log in to MAPI, and whether mail is shown before it is sent."""

    profile: str | None
    password: SecretStr | None
    show_window: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What of the options decides which way mail takes. Two equal plans may share connections."""

    method: SendingMethod
    relay: Route | None
    connect_timeout: float
    conversation_timeout: float
    one_message_per_connection: bool
    pop: PopAccount | None = None
    """To be logged in to before the relay is used."""
    folder: str | None = None
    """For the method ``pickup``."""
    mapi: MapiLogin | None = None
    """None = no mail goes by MAPI."""


def plan_of(sending: SendingOptions, trusted: Iterable[Trusted] = ()) -> Plan | None:
    """The plan that options and trusted certificates make; none when there is no way for mail to leave.

    Trust that is given or taken back makes another plan, so that no connection from before is used any more.
    """
    if not sending.is_set_up and not sending.mapi.enabled:
        return None
    smtp, mapi = sending.smtp, sending.mapi
    relay = relay_route(smtp) if sending.method in ("smtp", "direct-then-smtp") else None
    if relay is not None:
        relay = replace(relay, trust=trust_of(trusted, relay.host, relay.port))
    return Plan(
        method=sending.method,
        relay=relay,
        connect_timeout=smtp.connect_timeout,
        conversation_timeout=smtp.conversation_timeout,
        one_message_per_connection=smtp.one_message_per_connection,
        pop=None if relay is None else pop_account(sending.pop_before_smtp, smtp),
        folder=sending.pickup.folder if sending.method == "pickup" else None,
        mapi=MapiLogin(mapi.profile, mapi.password, mapi.show_window) if mapi.enabled else None,
    )

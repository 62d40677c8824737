"""The SMTP listener's options, and what follows from them: who may connect, and who has to log in.

No open relay: where other machines reach the listener, log-in is required, and log-in needs TLS; options that say
otherwise are refused. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import Self

from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Group, declare

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_NETWORKS = 100


class ListenerOptions(Group):
    """Mail that other programs hand over by SMTP."""

    enabled: bool = declare(
        False,
        title="Take mail from other programs (SMTP listener)",
        help="Programs hand their mail to this server by SMTP; it is queued and sent like the server's own. "
        "What was answered with 250 is on disk.",
    )
    address: str = declare(
        "127.0.0.1",
        title="Address to listen on",
        max_length=45,
        help="An IP address of the server machine. 127.0.0.1: only programs on this machine. Any other one needs "
        "log-in, and log-in needs TLS.",
    )
    port: int = declare(
        2525,
        title="Port to listen on",
        ge=1,
        le=65535,
        help="Ports below 1024 need rights that the server often does not have.",
    )
    networks: str = declare(
        "127.0.0.0/8, ::1/128",
        title="Networks that may connect",
        max_length=2000,
        help="Networks with commas between them: '127.0.0.0/8, 192.0.2.0/24'. Others are turned away, and logged.",
    )
    require_login: bool = declare(
        False,
        title="Log-in required",
        help="Programs log in as a server user of at least the role operator, after STARTTLS, with its password or "
        "better with an API token in place of it. Can be off only on a loopback address.",
    )

    @field_validator("address")
    @classmethod
    def _address_is_one(cls, value: str) -> str:
        try:
            return str(ipaddress.ip_address(value.strip()))
        except ValueError:
            raise PydanticCustomError("address", "is no IP address; write 127.0.0.1 for this machine alone") from None

    @field_validator("networks")
    @classmethod
    def _networks_can_be_read(cls, value: str) -> str:
        try:
            found = networks_of(value)
        except ValueError as error:
            words = f"cannot be read: {error}; write networks such as 192.0.2.0/24"
            raise PydanticCustomError("networks", "{reason}", {"reason": words}) from None
        if len(found) > MOST_NETWORKS:
            raise PydanticCustomError("networks", "names more than 100 networks")
        return ", ".join(map(str, found))

    @model_validator(mode="after")
    def _is_no_open_relay(self) -> Self:
        if self.enabled and not is_loopback(self.address) and not self.require_login:
            raise PydanticCustomError(
                "at:require_login",
                "has to be on where other machines reach the listener: without log-in anybody could send through it",
            )
        if self.enabled and not networks_of(self.networks):
            raise PydanticCustomError("at:networks", "is empty: nobody could connect")
        return self


@lru_cache(maxsize=16)
def networks_of(text: str) -> tuple[Network, ...]:
    """The networks a text names; `ValueError` says what cannot be read."""
    return tuple(_network(part.strip()) for part in text.split(",") if part.strip())


@lru_cache(maxsize=256)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


@lru_cache(maxsize=1024)
def address_of(peer: str) -> Address:
    """A client's address as a value: without a zone, and IPv4 as IPv4 also where it came through an IPv6 socket."""
    found = ipaddress.ip_address(peer.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """Whether only programs on the same machine reach it."""
    return address_of(address).is_loopback


def may_connect(options: ListenerOptions, peer: str) -> bool:
    """Whether a client from there is talked to at all."""
    address = address_of(peer)
    return any(address in network for network in networks_of(options.networks))


def login_needed(options: ListenerOptions) -> bool:
    """Whether mail is taken only after a log-in."""
    return options.require_login or not is_loopback(options.address)


def listener_troubles(options: ListenerOptions) -> Iterator[str]:
    """What goes on needing attention while the options are so."""
    local_only = all(network.is_loopback for network in networks_of(options.networks))
    if options.enabled and local_only and not is_loopback(options.address):
        yield (
            f"The SMTP listener is open on {options.address}, but sending.listener.networks lets only this machine "
            "connect."
        )

"""Which IP addresses lie in the Internet, and which inside: on this machine, in a private network, between machines.

Whoever connects to a host that somebody else named, in the DNS or in a file, asks here first, for the very address the
connection is then made to: else the server could be made to knock at doors that only it can reach. Pure; never raises.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052 §2.1: the last 32 bits are the IPv4 address that is really reached."""

_GLOBAL: Final = IPv6Network("2000::/3")
"""The only IPv6 addresses that are given out for the Internet (RFC 4291 §2.4, IANA's registry)."""


def inside(address: str) -> str:
    """Why an address is not in the Internet (``is in a private network``); ``""`` when it is.

    IPv6 addresses that stand for an IPv4 address (IPv4-mapped, NAT64, 6to4) are judged by that one.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "is no IP address"
    return _why(_carried(ip) or ip)


def no_host(address: str) -> str:
    """Why no host can have that address, wherever it lies; ``""`` when one can."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "is no IP address"
    if ip.is_multicast or ip.is_unspecified or address == "255.255.255.255":
        return "is no address of a host"
    return ""


def _why(ip: IPv4Address | IPv6Address) -> str:
    if ip.is_loopback:
        return "is this machine itself"
    if ip.is_link_local:
        return "is an address of the local link"
    if ip.is_multicast or ip.is_unspecified:
        return "is no address of a host"
    in_the_internet = ip.is_global and (isinstance(ip, IPv4Address) or ip in _GLOBAL)
    return "" if in_the_internet else "is in a private network"


def _carried(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(ip, IPv4Address):
        return None
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour

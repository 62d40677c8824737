"""Whether an address is the one that tracked mail comes back to. Pure.

Nobody may have it: what is forwarded or notified there would come in again, and go out again.
"""

from __future__ import annotations

from collections.abc import Iterable

from trackkit.domain.addresses import normal_address, wire_address


def is_own(address: str, tracking_address: str) -> bool:
    """Whether mail to `address` comes to the tracking address: case counts nowhere, nor what follows a plus sign."""
    local, domain = _parts(address)
    own, own_domain = _parts(tracking_address)
    return domain == own_domain and (local == own or local.startswith(f"{own}+"))


def own_among(addresses: Iterable[str], tracking_addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that are tracking addresses."""
    own = tuple(tracking_addresses)
    return [address for address in addresses if any(is_own(address, one) for one in own)]


def _parts(address: str) -> tuple[str, str]:
    local, _, domain = wire_address(normal_address(address.strip())).casefold().rpartition("@")
    return local.strip('"'), domain.rstrip(".")

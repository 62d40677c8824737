"""Everything that can be wrong with the certificate of a mail host, and how it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.certificates import DAY, Made, authority, certificate, weak_key
from trackkit.domain.trust import Reason

NOW = datetime.now(UTC)
ROOT = authority()
"""The one authority that the machine in these tests knows."""


def impostor() -> Made:
    """Of the authority's name, with another key."""
    return authority()


@dataclass
class Fault:
    """What is wrong with a host's certificate, and how it is told."""

    made: Callable[[], Made]
    reason: Reason
    details: str
    weak: bool = False
    """The host has to be let show it."""


INTERMEDIATE = authority("An intermediate one", ROOT)
FAULTS = {
    "self-signed": Fault(certificate, Reason.self_signed, "self-signed certificate"),
    "unknown issuer": Fault(
        lambda: certificate(issuer=authority("Somebody else")), Reason.unknown_issuer, "local issuer certificate"
    ),
    "issuer missing": Fault(lambda: certificate(issuer=INTERMEDIATE), Reason.unknown_issuer, "issuer certificate"),
    "wrong key": Fault(lambda: certificate(issuer=impostor()), Reason.wrong_signature, "signature failure"),
    "expired": Fault(
        lambda: certificate(issuer=ROOT, valid=(NOW - 90 * DAY, NOW - DAY)), Reason.expired, "has expired"
    ),
    "not yet valid": Fault(
        lambda: certificate(issuer=ROOT, valid=(NOW + DAY, NOW + 90 * DAY)), Reason.not_yet_valid, "not yet valid"
    ),
    "wrong host": Fault(lambda: certificate("mail.example", ROOT), Reason.wrong_name, "mismatch"),
    "weak key": Fault(lambda: certificate(issuer=ROOT, key=weak_key()), Reason.weak_key, "too weak", weak=True),
    "client's": Fault(lambda: certificate(issuer=ROOT, client_only=True), Reason.wrong_use, "purpose"),
}

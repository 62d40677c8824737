"""A proper answer to each operation of the trust manager."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trackkit.contract import trust
from trackkit.domain.trust import WORDS, AskedBy, Reason

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_FACTS = {
    "host": "relay.example",
    "port": 587,
    "subject": "CN=relay.example",
    "issuer": "CN=relay.example",
    "names": ("relay.example",),
    "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
    "valid_until": datetime(2027, 1, 1, tzinfo=UTC),
    "fingerprint": ":".join(["AB"] * 32),
    "pem": "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
}
UNTRUSTED = trust.Untrusted(
    certificate_id=3,
    reason=Reason.self_signed,
    words=WORDS[Reason.self_signed],
    details="self-signed certificate",
    asked_by=AskedBy.server,
    refusal="",
    first_seen_at=NOW,
    last_seen_at=NOW,
    times=4,
    **_FACTS,
)
OF_A_DOMAIN = UNTRUSTED.model_copy(
    update={
        "certificate_id": 4,
        "host": "mx.example.org",
        "port": 25,
        "asked_by": AskedBy.mta_sts,
        "refusal": "The recipient's domain asks for this proof (MTA-STS).",
    }
)
TRUSTED = trust.Trusted(certificate_id=5, is_authority=False, uploaded=True, trusted_at=NOW, trusted_by="ada", **_FACTS)
ADDED = trust.Added(certificate=TRUSTED, reattempted=2, advice="")
AUTHORITY = TRUSTED.model_copy(update={"certificate_id": 6, "host": "", "port": 0, "is_authority": True})
BOTH = trust.TrustList(untrusted=(UNTRUSTED, OF_A_DOMAIN), trusted=(TRUSTED, AUTHORITY))


def answers() -> dict[str, Any]:
    """By name of the operation."""
    return {
        "trust.list": BOTH,
        "trust.add": ADDED,
        "trust.upload": ADDED,
        "trust.remove": trust.Removed(certificate=trust.Certificate(certificate_id=5, **_FACTS), was_trusted=True),
    }

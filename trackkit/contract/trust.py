"""The trust manager: certificates of mail hosts that did not verify, and those that are trusted all the same."""

from __future__ import annotations

from datetime import datetime

from pydantic import Base64Bytes, Field

from trackkit.contract.operation import Nothing, Operation, Request, Response, RowNumber
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.trust import AskedBy, Reason

MAXIMUM_FILE = 128 * 1024
"""Octets of an uploaded certificate, in base64."""


class Certificate(Response):
    """What a certificate says about itself, and where it is from.

    host, port: where it was seen, or is trusted; without a host for every one.
    names: the hosts it was made for.
    fingerprint: SHA-256, as OpenSSL writes it.
    pem: the certificate, followed by what else the host has shown.
    """

    certificate_id: int
    host: str
    port: int
    subject: str
    issuer: str
    names: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None
    fingerprint: str
    pem: str


class Untrusted(Certificate):
    """One that did not verify.

    reason, words: why, for programs and for people.
    details: OpenSSL's words.
    asked_by: who wants the proof; where it is the recipient's domain (MTA-STS, DANE), nobody here can overrule it.
    refusal: why it cannot be trusted here; empty = it can.
    times: how often a connection was broken off because of it.
    """

    reason: Reason
    words: str
    details: str
    asked_by: AskedBy
    refusal: str
    first_seen_at: datetime
    last_seen_at: datetime
    times: int


class Trusted(Certificate):
    """One that is trusted: this very certificate at its host, or, if it is an authority, also what it issued."""

    is_authority: bool
    uploaded: bool
    trusted_at: datetime
    trusted_by: str


class TrustList(Response):
    """Both lists: untrusted those seen last first, trusted the newest first."""

    untrusted: tuple[Untrusted, ...]
    trusted: tuple[Trusted, ...]


class AddTrust(Request):
    """Trust one of the untrusted certificates, this very one, for its host and port."""

    certificate_id: RowNumber


class UploadTrust(Request):
    """Trust a certificate from a file, PEM or DER (base64 on the wire).

    With a host and port it is believed there as this very certificate, and if it is an authority, what it issued is
    verified with it there. Without a host it has to be an authority, and counts for every host. `preview`: say what it
    is, change nothing.
    """

    certificate: Base64Bytes = Field(max_length=MAXIMUM_FILE)
    host: str = Field("", max_length=253)
    port: int = Field(0, ge=0, le=65_535)
    preview: bool = False


class RemoveTrust(Request):
    """Take a certificate out of its list."""

    certificate_id: RowNumber


class Added(Response):
    """It is trusted, from the next connection on.

    reattempted: messages that waited for it and are made due now.
    advice: what is left to do, where that could not be done; else empty.
    """

    certificate: Trusted
    reattempted: int
    advice: str


class Removed(Response):
    """What was taken out, and whether it was a trusted one: connections made with it are closed."""

    certificate: Certificate
    was_trusted: bool


LIST = Operation(
    "trust.list", "GET", "/trust", Nothing, TrustList, Role.viewer, "Certificates that do not verify, and trusted ones"
)
ADD = Operation(
    "trust.add",
    "POST",
    "/trust",
    AddTrust,
    Added,
    Role.admin,
    "Trust a certificate that did not verify, for its host and port",
    errors=(errors.NotFound, errors.Conflict),
    audited=True,
)
UPLOAD = Operation(
    "trust.upload",
    "POST",
    "/trust/upload",
    UploadTrust,
    Added,
    Role.admin,
    "Trust a certificate or an authority from a file",
    errors=(errors.Conflict,),
    audited=True,
)
REMOVE = Operation(
    "trust.remove",
    "DELETE",
    "/trust/{certificate_id}",
    RemoveTrust,
    Removed,
    Role.admin,
    "Trust a certificate no more, or take one that did not verify out of the list",
    errors=(errors.NotFound,),
    audited=True,
)

OPERATIONS = (LIST, ADD, UPLOAD, REMOVE)

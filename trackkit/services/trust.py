"""The trust manager: what did not verify is kept, one click trusts it, files are uploaded, trust is taken back.

Whoever makes connections calls `record` with what a host has shown; deliveries do so when they are settled. Trusting
and taking back count from the next connection on, at every mail worker (`TrustCache`); open ones are not used any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any, Final

from trackkit.contract import trust as contract
from trackkit.contract.mail import QueueFilter
from trackkit.contract.mail_bulk import BulkVerb, CountMatching, QueueVerb
from trackkit.contract.operation import Nothing
from trackkit.domain import trust as rules
from trackkit.domain.certificates import facts, pem_of, uploaded
from trackkit.domain.errors import Conflict, NotFound
from trackkit.domain.expiry import Stage
from trackkit.domain.log import Severity
from trackkit.domain.replies import Failure
from trackkit.domain.text import counted
from trackkit.domain.trust import AskedBy, Reason, Seen, Trusted
from trackkit.services import mail_bulk
from trackkit.services.environment import Call, Environment
from trackkit.services.expiry import warn_once
from trackkit.store import records, trust
from trackkit.store.database import Connection
from trackkit.store.trust import CertificateRow

SOURCE: Final = "trust"
_WAITS_FOR_IT: Final = Failure.tls_untrusted.value
"""The diagnosis of mail that waits because its relay's certificate does not verify."""


def record(connection: Connection, seen: Iterable[Seen]) -> None:
    """Keep what did not verify, in the caller's transaction. The same sight counts once, however often it is told."""
    found = {id(one): one for one in seen if one.chain}.values()
    # In one order: workers that record the same ones at the same time must not wait for each other in a circle.
    for one in sorted(found, key=lambda one: (one.host, one.port, one.chain)):
        trust.note(connection, one, sha256(one.chain[0]).digest())


def list_trust(call: Call, request: Nothing) -> contract.TrustList:
    """Both lists."""
    rows = call.environment.store.read(trust.everything)
    trusted = sorted((row for row in rows if row.trusted_at), key=lambda row: (row.trusted_at, row.id), reverse=True)
    return contract.TrustList(
        untrusted=tuple(_untrusted(row) for row in rows if not row.trusted_at),
        trusted=tuple(map(_trusted, trusted)),
    )


def add_trust(call: Call, request: contract.AddTrust) -> contract.Added:
    """Trust one that did not verify."""

    def work(connection: Connection) -> CertificateRow:
        row = _named(connection, request.certificate_id)
        if row.trusted_at is not None:
            raise Conflict(f"This certificate is trusted already for {rules.where(row.host, row.port)}.")
        if why := rules.refusal(row.asked_by):
            raise Conflict(why, "Tell the administrator of that domain.")
        trust.set_trusted(connection, row.id, call.actor.username, call.now)
        call.audit(connection, contract.ADD.name, _subject(row), after=_texts(row))
        return replace(row, trusted_at=call.now, trusted_by=call.actor.username)

    return _now_trusted(call, call.environment.store.write(work))


def upload_trust(call: Call, request: contract.UploadTrust) -> contract.Added:
    """Trust what is in a file."""
    der = uploaded(request.certificate)
    is_authority = facts(der).is_authority
    host, port = rules.checked_place(request.host, request.port, is_authority=is_authority)
    one = Trusted(host, port, der, sha256(der).digest(), is_authority)
    if request.preview:
        return contract.Added(certificate=_trusted(_row(call, one, 0)), reattempted=0, advice="")

    def work(connection: Connection) -> CertificateRow:
        certificate_id = trust.add_trusted(connection, one, call.actor.username, call.now)
        if certificate_id is None:
            raise Conflict(f"This certificate is trusted already for {rules.where(host, port)}.")
        row = _row(call, one, certificate_id)
        call.audit(connection, contract.UPLOAD.name, _subject(row), after=_texts(row))
        return row

    return _now_trusted(call, call.environment.store.write(work))


def remove_trust(call: Call, request: contract.RemoveTrust) -> contract.Removed:
    """Take one out of its list."""

    def work(connection: Connection) -> CertificateRow:
        row = _named(connection, request.certificate_id)
        trust.remove(connection, row.id)
        records.set_fact(connection, _warned(row), None)
        call.audit(connection, contract.REMOVE.name, _subject(row), before=_texts(row))
        return row

    row = call.environment.store.write(work)
    if row.trusted_at is not None:
        call.environment.trust.reload()
        call.environment.mail_changed()
        call.log(Severity.information, SOURCE, f"{_subject(row)} is not trusted any more.", _fingerprint(row))
    return contract.Removed(certificate=contract.Certificate(**_facts(row)), was_trusted=row.trusted_at is not None)


def warn_of_certificates(environment: Environment) -> None:
    """Warn of trusted certificates that end; each is told once at each stage."""
    for row, until in ending(environment):
        warn_once(environment, _warned(row), until, SOURCE, partial(ending_words, row, until))


def ending_words(row: CertificateRow, until: date, stage: Stage) -> str:
    """The warning about a trusted certificate that ends."""
    place = rules.where(row.host, row.port)
    return rules.expiry_words(facts(row.der).subject, place, until, stage, is_authority=row.is_authority)


def ending(environment: Environment) -> Iterator[tuple[CertificateRow, date]]:
    """The trusted certificates and the days they end on, but those that had ended when they were trusted."""
    for row in environment.store.read(trust.trusted_rows):
        until = facts(row.der).valid_until
        if until is not None and (row.is_authority or row.trusted_at is None or until > row.trusted_at):
            yield row, until.astimezone(environment.zone).date()


def _now_trusted(call: Call, row: CertificateRow) -> contract.Added:
    """Let the mail engine know, and the mail go that waited for it."""
    call.environment.trust.reload()
    call.environment.mail_changed()
    call.log(Severity.information, SOURCE, f"{_subject(row)} is trusted from now on.", _fingerprint(row))
    warn_of_certificates(call.environment)
    reattempted, advice = _reattempt(call)
    return contract.Added(certificate=_trusted(row), reattempted=reattempted, advice=advice)


def _reattempt(call: Call) -> tuple[int, str]:
    """Make due what waits for trust: how many messages, and what is left to do where that is not possible now."""
    if call.environment.options.current.sending.paused:
        return 0, "Sending is paused: reattempt what waited for it when sending goes on."
    waiting = mail_bulk.count_matching(call, CountMatching(cause=_WAITS_FOR_IT, verb=QueueVerb.reattempt)).applies
    if not waiting:
        return 0, ""
    try:
        mail_bulk.begin_bulk(call, BulkVerb(verb=QueueVerb.reattempt, where=QueueFilter(cause=_WAITS_FOR_IT)))
    except Conflict as busy:
        return 0, f"{counted(waiting, 'message')} could not be made due now: {busy.message} Reattempt them later."
    return waiting, ""


def _named(connection: Connection, certificate_id: int) -> CertificateRow:
    row = trust.one(connection, certificate_id)
    if row is None:
        raise NotFound(f"There is no certificate {certificate_id} (any more).", "List them again.")
    return row


def _row(call: Call, one: Trusted, certificate_id: int) -> CertificateRow:
    """An uploaded certificate as it stands in the list."""
    return CertificateRow(
        *(certificate_id, one.host, one.port, one.digest, AskedBy.server, pem_of((one.der,)), one.is_authority),
        *(None, "", None, None, 0, call.now, call.actor.username),
    )


def _facts(row: CertificateRow) -> dict[str, Any]:
    found = facts(row.der)
    return {
        "certificate_id": row.id,
        "host": row.host,
        "port": row.port,
        "subject": found.subject,
        "issuer": found.issuer,
        "names": found.names,
        "valid_from": found.valid_from,
        "valid_until": found.valid_until,
        "fingerprint": found.fingerprint,
        "pem": row.pem,
    }


def _untrusted(row: CertificateRow) -> contract.Untrusted:
    reason = row.reason or Reason.other
    return contract.Untrusted(
        **_facts(row),
        reason=reason,
        words=rules.WORDS[reason],
        details=row.details,
        asked_by=row.asked_by,
        refusal=rules.refusal(row.asked_by),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        times=row.times,
    )


def _trusted(row: CertificateRow) -> contract.Trusted:
    return contract.Trusted(
        **_facts(row),
        is_authority=row.is_authority,
        uploaded=row.reason is None,
        trusted_at=row.trusted_at,
        trusted_by=row.trusted_by,
    )


def _subject(row: CertificateRow) -> str:
    kind = "authority" if row.is_authority else "certificate"
    return f"The {kind} {facts(row.der).subject or 'without a subject'} ({rules.where(row.host, row.port)})"


def _fingerprint(row: CertificateRow) -> str:
    return f"SHA-256 {facts(row.der).fingerprint}"


def _texts(row: CertificateRow) -> dict[str, str]:
    found = facts(row.der)
    return {
        "place": rules.where(row.host, row.port),
        "subject": found.subject,
        "issuer": found.issuer,
        "valid until": str(found.valid_until.date()) if found.valid_until else "",
        "fingerprint": found.fingerprint,
        "authority": "yes" if row.is_authority else "no",
    }


def _warned(row: CertificateRow) -> str:
    return f"certificate warned {row.id}"

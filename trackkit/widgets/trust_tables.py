"""Certificates that did not verify, and trusted ones, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from trackkit.contract.trust import Certificate, Trusted, Untrusted
from trackkit.domain.expiry import stage_of
from trackkit.domain.trust import where
from trackkit.widgets.tables import Cell, instant, table


def untrusted_table(rows: Sequence[Untrusted]) -> str:
    """What did not verify, and why."""
    lines = [
        (
            Cell(where(one.host, one.port), "tk-text", below=(one.fingerprint,)),
            Cell(one.words, "tk-text", tone="tk-bad", below=(one.details, one.refusal)),
            _whose(one),
            _validity(one),
            Cell(instant(one.last_seen_at), "tk-fixed", below=(f"first {instant(one.first_seen_at)}",)),
            Cell(f"{one.times:,}", "tk-number"),
        )
        for one in rows
    ]
    titles = ("Host and fingerprint (SHA-256)", "Why not", "Subject", "Valid", "Last seen (UTC)", "Times")
    empty = "Every certificate that a mail host has shown has verified, or is trusted."
    return table("Untrusted certificates", titles, lines, empty)


def trusted_table(rows: Sequence[Trusted], today: date) -> str:
    """What is trusted, for whom, since when."""
    lines = [
        (
            Cell(where(one.host, one.port), "tk-text", below=(one.fingerprint,)),
            Cell("authority" if one.is_authority else "this certificate", below=("uploaded",) if one.uploaded else ()),
            _whose(one),
            _validity(one, today),
            Cell(instant(one.trusted_at), "tk-fixed", below=(f"by {one.trusted_by}",)),
        )
        for one in rows
    ]
    titles = ("For, and fingerprint (SHA-256)", "What", "Subject", "Valid", "Trusted (UTC)")
    return table("Trusted certificates", titles, lines, "No certificate is trusted besides those that verify.")


def _whose(one: Certificate) -> Cell:
    names = f"made for {', '.join(one.names)}" if one.names else "names no hosts"
    issuer = "issued by itself" if one.issuer == one.subject else f"issued by {one.issuer or 'nobody'}"
    return Cell(one.subject or "none", "tk-text", below=(issuer, names))


def _validity(one: Certificate, today: date | None = None) -> Cell:
    """Marked where it ends soon, if that is to be warned about."""
    if one.valid_from is None or one.valid_until is None:
        return Cell("cannot be read")
    until = one.valid_until.date()
    warned = today is not None and stage_of(until, today) is not None
    return Cell(f"to {until}", "tk-fixed", tone="tk-warn" if warned else "", below=(f"from {one.valid_from.date()}",))

"""What is said of certificates and trust: once, for notebook and command line."""

from __future__ import annotations

from trackkit.contract.trust import Added, Certificate, Removed, Trusted, Untrusted
from trackkit.domain.text import counted
from trackkit.domain.trust import where


def facts_of(one: Certificate) -> tuple[tuple[str, str], ...]:
    """What a person compares before trusting it, by name."""
    reason = (("Reason", f"{one.words} ({one.details})"),) if isinstance(one, Untrusted) else ()
    return (
        ("SHA-256", one.fingerprint),
        ("Subject", one.subject or "none"),
        ("Issuer", one.issuer or "none"),
        ("Names", ", ".join(one.names) or "none"),
        ("Valid", validity(one)),
        *reason,
    )


def validity(one: Certificate) -> str:
    """From when to when, in UTC."""
    if one.valid_from is None or one.valid_until is None:
        return "cannot be read"
    return f"{one.valid_from:%Y-%m-%d} to {one.valid_until:%Y-%m-%d}"


def trust_question(one: Untrusted) -> str:
    """Asked before a certificate is trusted."""
    lines = [f"{name}: {text}" for name, text in facts_of(one)]
    meaning = f"{where(one.host, one.port)} is believed from then on when it shows this very certificate, whatever the "
    meaning += "certificate says. Compare the fingerprint with the host's own first."
    return "\n".join([f"Trust this certificate for {where(one.host, one.port)}?", *lines, meaning])


def upload_question(one: Trusted) -> str:
    """Asked before an uploaded certificate is trusted."""
    what = "authority" if one.is_authority else "certificate"
    lines = [f"{name}: {text}" for name, text in facts_of(one)]
    return "\n".join([f"Trust this {what} for {where(one.host, one.port)}?", *lines, meaning(one)])


def meaning(one: Trusted) -> str:
    """What being trusted means for one."""
    if not one.is_authority:
        return "This very certificate is believed there, whatever it says."
    issued = "What it issued is believed, names and dates verified."
    return f"{issued} It itself is believed there, too." if one.host else issued


def remove_question(one: Certificate) -> str:
    """Asked before a certificate is taken out of its list."""
    what = f"{one.subject or one.fingerprint} ({where(one.host, one.port)})"
    if isinstance(one, Untrusted):
        return f"Take {what} out of the list? It comes back when it is shown again."
    return f"Trust {what} no more?\nMail over hosts that only verify by it waits in the queue then."


def added(done: Added) -> str:
    """What came of trusting one."""
    one = done.certificate
    words = f"Trusted for {where(one.host, one.port)}: {one.subject or one.fingerprint}."
    if done.reattempted:
        words += f" {counted(done.reattempted, 'message')} that waited for it {_is(done.reattempted)} made due now."
    return f"{words} {done.advice}".strip()


def removed(done: Removed) -> str:
    """What came of taking one out."""
    one = done.certificate
    what = f"{one.subject or one.fingerprint} ({where(one.host, one.port)})"
    return f"{what} is not trusted any more." if done.was_trusted else f"{what} was taken out of the list."


def _is(number: int) -> str:
    return "is" if number == 1 else "are"

"""Mail addresses: which ones are taken, how they are kept, and how they go over the wire.

An address follows RFC 5321 §4.1.2, or RFC 6531 §3.3 where it holds characters beyond ASCII: those have to be visible
ones (letters, marks, numbers, punctuation, symbols), so that nothing can end a command line or hide in a list. It is
kept in one form: Unicode's NFC, its domain as IDNA's mapping (UTS 46) has it.

On the wire a domain is always in ASCII (A-labels), which every host takes. What stands before the @ can be written in
one way only: where it is beyond ASCII, the host has to offer SMTPUTF8.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 254
_LONGEST_LOCAL = 64
"""Octets (RFC 5321 §4.5.3.1)."""

_WORD, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_USUAL = re.compile(
    rf"(?=[^@]{{1,{_LONGEST_LOCAL}}}@)(?=.{{3,{_LONGEST}}}\Z){_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})*\Z"
)
"""What nearly all addresses are, and nothing is wrong with them; found in a fraction of the time."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ATOM = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*\Z"
)
_QUOTED = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e\x80-\U0010ffff]|\\[\x20-\x7e])*"\Z')
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?\Z")
_LITERAL = re.compile(r"\[[\x21-\x5a\x5e-\x7e]+\]\Z")


def address_problem(address: str) -> str:
    """Why this is no address that mail can be sent to; ``""`` when it is one."""
    if _USUAL.match(address):
        return ""
    shown = ascii(address[:80])
    if not address:
        return "is empty"
    if _CONTROL.search(address):
        return f"{shown} holds a line break or another control character"
    if len(address) > _LONGEST:
        return f"has {len(address)} characters; at most {_LONGEST} are possible"
    if not (address.isascii() or all(map(_has_a_place, address))):
        return f"{shown} holds characters that cannot be seen, or that have no place in an address"
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return f"{shown} is not of the form name@domain"
    return _local_problem(local, shown) or _domain_problem(local, domain, shown)


def mapi_address_problem(address: str) -> str:
    """Why this is no address of MAPI's, which are names of its address book and ``TYPE:address``; ``""`` when it is."""
    if not address.strip():
        return "is empty"
    if len(address) > _LONGEST:
        return f"has {len(address)} characters; at most {_LONGEST} are possible"
    return "" if address.isprintable() else f"{address[:80]!a} holds a line break or another control character"


def normal_address(address: str) -> str:
    """The form in which an address is kept; one in ASCII, and one that is refused anyway, is left as it is."""
    if address.isascii() or not all(map(_has_a_place, address)):
        return address
    local, at, domain = unicodedata.normalize("NFC", address).rpartition("@")
    return local + at + _mapped(domain)


def wire_address(address: str) -> str:
    """The address with its domain in ASCII; all of it is, unless `needs_utf8`."""
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    return local + at + ascii_domain(domain)


def needs_utf8(address: str) -> bool:
    """Whether only a host that offers SMTPUTF8 can be given this address."""
    return not address.isascii() and not address.rpartition("@")[0].isascii()


def ascii_domain(domain: str) -> str:
    """The A-labels of a domain (RFC 5891 §4.4); ``""`` when it has none."""
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def _mapped(domain: str) -> str:
    if domain.isascii() or len(domain) > _LONGEST:
        return domain
    import idna

    try:
        return idna.uts46_remap(domain)
    except idna.IDNAError:
        return domain


def _has_a_place(character: str) -> bool:
    return character.isascii() or unicodedata.category(character)[0] in "LMNPS"


def _local_problem(local: str, shown: str) -> str:
    length = len(local.encode())
    if length > _LONGEST_LOCAL:
        unit = "characters" if local.isascii() else "octets"
        return f"has {length} {unit} before the @; at most {_LONGEST_LOCAL} are possible"
    if not (_ATOM.match(local) or _QUOTED.match(local)):
        return f"{shown} has characters before the @ that need quotes, or misplaced dots"
    return ""


def _domain_problem(local: str, domain: str, shown: str) -> str:
    on_the_wire = ascii_domain(domain)
    if not (_DOMAIN.match(on_the_wire) or _LITERAL.match(on_the_wire)):
        return f"{shown} has no valid domain after the @"
    length = len(local.encode()) + 1 + len(on_the_wire)
    if length > _LONGEST:
        return f"has {length} octets on the wire; at most {_LONGEST} are possible"
    return ""

"""Hosts as people write and read them: what can be one, and how one is named together with its port. Pure."""

from __future__ import annotations

from typing import Final

_IN_NONE: Final = frozenset(" /@\\?#[]")


def can_be_host(text: str) -> bool:
    """Whether a text can be a host's name or its IP address (without brackets)."""
    return bool(text) and text.isprintable() and not _IN_NONE & set(text)


def host_and_port(host: str, port: int) -> str:
    """``mail.example:25``, ``[2001:db8::1]:25``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

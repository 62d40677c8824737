"""Known secrets are taken out of executed notebooks, in every way they may be written there.

Known are the values in an environment whose names say that they are secret.
What a report's code has painted into an image cannot be found; the reports paint figures only.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

REMOVED = "[secret removed]"

_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)
_SHORTEST = 6
"""Shorter values ("true", "none") would be found everywhere; passwords have eight characters at least."""


def known_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that must not show, the longest first."""
    named = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    return tuple(sorted((value for value in named if len(value) >= _SHORTEST), key=len, reverse=True))


def scrubbed(value: Any, secrets: Iterable[str]) -> Any:
    """`value`, a tree of lists, dictionaries and texts as in JSON, without any of the secrets."""
    pattern = "|".join(re.escape(form) for secret in secrets for form in _forms(secret))
    return _without(value, re.compile(pattern)) if pattern else value


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(REMOVED, value)
    if isinstance(value, Mapping):
        return {_without(key, pattern): _without(item, pattern) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, pattern) for item in value]
    return value


def _forms(secret: str) -> list[str]:
    """The secret as it is, and as HTML, JSON, Python, addresses and base64 write it; the longest first."""
    forms = {
        secret,
        escape(secret),
        escape(secret, quote=False),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        b64encode(secret.encode()).decode().rstrip("="),
    }
    return sorted(forms, key=len, reverse=True)


def joined_streams(cells: Iterable[dict[str, Any]]) -> None:
    """Put together what was printed piece by piece, so that a secret that came in two pieces is found."""
    for cell in cells:
        outputs: list[dict[str, Any]] = []
        for output in cell.get("outputs", ()):
            last = outputs[-1] if outputs else {}
            if output["output_type"] == "stream" and last.get("name") == output["name"]:
                last["text"] += output["text"]
            else:
                outputs.append(output)
        if "outputs" in cell:
            cell["outputs"] = outputs

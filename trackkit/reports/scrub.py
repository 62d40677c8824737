"""Known secrets are taken out of executed notebooks, in every way they may be written there.

Known are the values in an environment whose names say that they are secret.
What a report's code has painted into an image cannot be found; the reports paint figures only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trackkit.domain.log_text import REMOVED, SHORTEST_SECRET, secret_pattern

_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)


def known_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that must not show, the longest first."""
    named = {value for name, value in environment.items() if _SECRET_NAME.search(name)}
    return tuple(sorted((value for value in named if len(value) >= SHORTEST_SECRET), key=len, reverse=True))


def scrubbed(value: Any, secrets: Iterable[str]) -> Any:
    """`value`, a tree of lists, dictionaries and texts as in JSON, without any of the secrets."""
    pattern = secret_pattern(secrets)
    return _without(value, pattern) if pattern else value


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(REMOVED, value)
    if isinstance(value, Mapping):
        return {_without(key, pattern): _without(item, pattern) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, pattern) for item in value]
    return value


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

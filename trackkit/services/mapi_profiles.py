"""The MAPI profiles of the account that the server runs as, from Windows's registry; elsewhere there are none.

Never fails: a registry without such a key, or one that may not be read, holds no profiles. Tested against a stand-in
with the calls of `winreg`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any, Final

from trackkit.services.machine import IS_WINDOWS

_OFFICE: Final = "Software\\Microsoft\\Office"
_PROFILES: Final = "Outlook\\Profiles"
_OLDER: Final = "Software\\Microsoft\\Windows NT\\CurrentVersion\\Windows Messaging Subsystem\\Profiles"
"""Where mail programs before Outlook 2013 keep them."""


def names(registry: Any = None) -> list[str]:
    """The profiles' names, sorted.

    Parameters
    ----------
    registry: the module that reads the registry; none = this machine's, if it has one.
    """
    if registry is None:
        if not IS_WINDOWS:
            return []
        registry = import_module("winreg")
    places = [_OLDER, *(f"{_OFFICE}\\{version}\\{_PROFILES}" for version in _keys(registry, _OFFICE))]
    return sorted({name for place in places for name in _keys(registry, place)})


def _keys(registry: Any, path: str) -> Iterator[str]:
    """The keys below one; `OSError` is how the registry says that there are no more, or that there is no such key."""
    with suppress(OSError), registry.OpenKey(registry.HKEY_CURRENT_USER, path) as key:
        yield from map(partial(registry.EnumKey, key), count())

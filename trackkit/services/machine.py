"""What the machine that sends has for handing mail over on it: pickup folders it allows, and MAPI.

Nothing that comes through the API can make the server write anywhere else: a pickup folder has to lie, links resolved,
in a folder that was named on the machine itself, and outside the server's data.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.message import MailType
from trackkit.domain.options import SendingOptions

IS_WINDOWS: Final = sys.platform == "win32"

MAPI_LIBRARY: Final = "MAPI32.DLL" if IS_WINDOWS else ""
"""Where MAPI is on this machine; empty = there is none."""

ALLOW: Final = "On the server machine: `trackkit server set pickup-roots FOLDER[,FOLDER…]`, then restart the server."
NEEDS_WINDOWS: Final = "Mail by MAPI needs Windows, and this machine runs something else."


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine allows and has."""

    data: Path | None = None
    """The server's data folder; a mail worker has none."""
    pickup_roots: tuple[str, ...] = ()
    """Folders in which pickup folders may lie."""
    mapi_library: str = MAPI_LIBRARY

    def able(self, types: Collection[MailType], sending: SendingOptions) -> frozenset[MailType]:
        """Those of the types of recipients that a mail worker on this machine can hand mail over to."""
        no_mapi, no_folder = not self.mapi_library, not self.pickup_roots
        unable: set[MailType] = {MailType.mapi} if no_mapi else set()
        if (sending.method == "mapi" and no_mapi) or (sending.method == "pickup" and no_folder):
            unable.add(MailType.internet)
        return frozenset(types) - unable


class NotUsable(Exception):
    """A folder that mail cannot be put into, and why (``is not there``, never its path); `advice` may be empty."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


def pickup_folder(machine: Machine, path: str) -> Path:
    """The folder that is meant, links resolved, there, allowed and writable; raises `NotUsable`. May block."""
    if not os.path.isabs(path):
        raise NotUsable("is a path of another operating system than the server machine's")
    if not machine.pickup_roots:
        raise NotUsable("is not allowed: this machine names no folder for pickup folders", ALLOW)
    try:
        folder = Path(path).resolve()
        roots = [Path(root).resolve() for root in machine.pickup_roots]
        if not any(folder.is_relative_to(root) for root in roots):
            raise NotUsable("lies outside the folders that pickup-roots names on this machine", ALLOW)
        if machine.data is not None and (folder.is_relative_to(machine.data) or machine.data.is_relative_to(folder)):
            raise NotUsable("is the server's own data folder, or lies in it or around it")
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotUsable("is a file, not a folder")
    except FileNotFoundError:
        raise NotUsable("is not there", "Make the folder, or connect its drive.") from None
    except (OSError, RuntimeError) as error:
        raise NotUsable(f"cannot be looked at: {why(error)}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotUsable("cannot be written to by the server's account")
    return folder


def why(error: OSError | RuntimeError) -> str:
    """The system's words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def refuse_unable(machine: Machine, old: SendingOptions, new: SendingOptions) -> None:
    """`InvalidInput` when a change asks for what this machine does not allow or have. May block."""
    problems, advice = [], ""
    asked = new.pickup.folder is not None and (new.pickup, new.method) != (old.pickup, old.method)
    if asked and new.pickup.folder is not None:
        try:
            pickup_folder(machine, new.pickup.folder)
        except NotUsable as refused:
            problems.append(Problem("sending.pickup.folder", str(refused)))
            advice = refused.advice
    if new.mapi.enabled and not old.mapi.enabled and not machine.mapi_library:
        problems.append(Problem("sending.mapi.enabled", "needs Windows, and the server machine runs something else"))
        advice = advice or (
            "Use SMTP. Another library with Simple MAPI's calls can be named on the server machine: "
            "`trackkit server set mapi-library PATH`."
        )
    if problems:
        raise InvalidInput("Options were refused; nothing was changed.", advice, problems=problems)

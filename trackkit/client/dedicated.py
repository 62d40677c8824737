"""The serial of a dedicated license, kept on its person's computer: asked for once, presented at each native log-in.

It lies in a file of the configuration folder that only its owner can read (mode 0600), because native clients need it
without a person. A file that others can read is refused, not used.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from trackkit.client import private_file
from trackkit.client.connections import home
from trackkit.domain.errors import InvalidInput, NotAllowed

FILE_NAME: Final = "dedicated-license"


def path() -> Path:
    """Where it is kept."""
    return home() / FILE_NAME


def remember(serial: SecretStr) -> None:
    """Keep a serial in place of the one before; `SerialMistyped` when its check digits do not fit."""
    from trackkit.domain.licenses import checked_digits

    text = checked_digits(serial.get_secret_value())
    folder = path().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_file.replace(path(), f"{text}\n")


def recall() -> SecretStr | None:
    """The serial; none when none is remembered. `NotAllowed` when others can read the file."""
    try:
        mode = path().stat().st_mode
        text = path().read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path()} cannot be read: {error}", "Forget the license and enter it again.") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NotAllowed(
            f"{path()} can be read by others, so the license in it is not used.",
            f"Take the rights away (chmod 600 {path()}), or forget it: `trackkit license forget`.",
        )
    return SecretStr(text) if text else None


def forget() -> bool:
    """Take the serial away from this computer; whether there was one."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True

"""The sending settings of Thunderbird on this machine: of the computer the kernel or the command line runs on.

Promises: only reads, only ``prefs.js`` of the profiles where Thunderbird keeps them (Linux also with snap and flatpak,
macOS, Windows); bounded in files, sizes and accounts; never a password, which is kept elsewhere and not looked for.
Never fails: a profile that cannot be read, and a value that cannot be one, is passed over.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trackkit.domain.log_text import harmless
from trackkit.domain.sending_settings import Settings
from trackkit.domain.smtp_options import Authentication, Encryption
from trackkit.domain.suggestions import Candidate, Source

_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a prefs.js that are read; the rest of a larger one is passed over."""

_MOST_PROFILES: Final = 20
_MOST_SERVERS: Final = 50
_LONGEST_VALUE: Final = 1000

_FOLDERS: Final = (
    ".thunderbird",
    "snap/thunderbird/common/.thunderbird",
    ".var/app/org.mozilla.Thunderbird/.thunderbird",
    ".var/app/net.thunderbird.Thunderbird/.thunderbird",
    "Library/Thunderbird/Profiles",
)
"""Below the home folder; on Windows ``Thunderbird/Profiles`` below APPDATA."""

_PREF = re.compile(
    r'^user_pref\("(?P<name>mail\.[\w.-]{1,200})",\s*(?P<value>"(?:[^"\\]|\\.)*"|-?\d{1,9}|true|false)\);'
)

_ENCRYPTION: Final[Mapping[int, Encryption]] = {0: "none", 1: "starttls-if-offered", 2: "starttls", 3: "tls"}
"""``try_ssl`` (nsMsgSocketType)."""

_AUTHENTICATION: Final[Mapping[int, Authentication]] = {1: "anonymous", 3: "basic", 4: "basic", 6: "ntlm", 10: "oauth2"}
"""``authMethod`` (nsMsgAuthMethod). Kerberos and client certificates this server cannot do."""

_DEFAULT_PORTS: Final[Mapping[Encryption, int]] = {"none": 587, "starttls-if-offered": 587, "starttls": 587, "tls": 465}

Prefs = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Account:
    """A host that Thunderbird sends by, and the addresses whose mail it sends there."""

    candidate: Candidate
    addresses: tuple[str, ...]


def thunderbird_accounts(home: Path | None = None) -> tuple[Account, ...]:
    """What Thunderbird on this machine sends by, each host once, the default one of each profile first.

    Parameters
    ----------
    home: the home folder; none = this person's.
    """
    found: dict[Settings, Account] = {}
    for profile in _profiles(home):
        prefs = read_prefs(_content(profile))
        for key in _keys(prefs):
            settings = _settings(prefs, key)
            if settings is not None and settings not in found:
                addresses = _addresses(prefs, key)
                found[settings] = Account(_candidate(settings, profile.parent.name, addresses), addresses)
    return tuple(found.values())


def belongs(about: str, account: Account) -> bool:
    """Whether an account sends mail for an address or a domain."""
    wanted = about.strip().lower()
    addresses = [one.lower() for one in (*account.addresses, account.candidate.settings.username or "")]
    return wanted in addresses if "@" in wanted else wanted in [one.rpartition("@")[2] for one in addresses if one]


def _candidate(settings: Settings, profile: str, addresses: tuple[str, ...]) -> Candidate:
    whose = f" It sends the mail of {', '.join(addresses[:3])}." if addresses else ""
    words = [f"Thunderbird uses it; its password stays there.{whose}"]
    if settings.encryption == "none" and settings.authentication != "anonymous":
        words.append("The password goes over the network unencrypted.")
    return Candidate(Source.mail_program, f"Thunderbird, profile {harmless(profile)}", settings, False, tuple(words))


def _profiles(home: Path | None) -> Iterator[Path]:
    """The prefs.js of each profile."""
    try:
        base = home or Path.home()
    except RuntimeError:  # an account without a home folder
        return
    folders = [base / folder for folder in _FOLDERS]
    if (appdata := os.environ.get("APPDATA")) and home is None:
        folders.append(Path(appdata) / "Thunderbird" / "Profiles")
    left = _MOST_PROFILES
    for folder in folders:
        try:
            inside = sorted(folder.glob("*/prefs.js"))
        except OSError:  # a folder of somebody else's
            continue
        yield from inside[:left]
        left -= len(inside[:left])


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:  # it is passed over, as promised
        return ""


def read_prefs(text: str) -> Prefs:
    """The settings about mail in a prefs.js; of lines that are none nothing."""
    found: dict[str, str | int | bool] = {}
    for line in text.splitlines():
        if len(line) > _LONGEST_VALUE or (match := _PREF.match(line)) is None:
            continue
        try:
            value = json.loads(match["value"], strict=False)  # its strings are JavaScript's, all but \x and \'
        except ValueError:
            continue
        found[match["name"]] = value
    return found


def _keys(prefs: Prefs) -> tuple[str, ...]:
    """The outgoing servers, the default one first."""
    listed = [key.strip() for key in str(prefs.get("mail.smtpservers", "")).split(",")]
    first = str(prefs.get("mail.smtp.defaultserver", ""))
    keys = dict.fromkeys(key for key in (first, *listed) if key and f"mail.smtpserver.{key}.hostname" in prefs)
    return tuple(keys)[:_MOST_SERVERS]


def _settings(prefs: Prefs, key: str) -> Settings | None:
    """An outgoing server, if this server can send by it."""

    def number(name: str, default: int) -> int:
        value = prefs.get(f"mail.smtpserver.{key}.{name}", default)
        return value if isinstance(value, int) and not isinstance(value, bool) else -1

    encryption = _ENCRYPTION.get(number("try_ssl", 0))
    authentication = _AUTHENTICATION.get(number("authMethod", 3))
    if encryption is None or authentication is None:
        return None
    username = str(prefs.get(f"mail.smtpserver.{key}.username", "")) or None
    settings = Settings(
        host=str(prefs[f"mail.smtpserver.{key}.hostname"]).strip(),
        port=number("port", 0) or _DEFAULT_PORTS[encryption],
        encryption=encryption,
        authentication=authentication,
        username=None if authentication == "anonymous" else username,
    )
    return settings if settings.is_possible else None


def _addresses(prefs: Prefs, key: str) -> tuple[str, ...]:
    """The addresses whose mail goes by that server; without a choice of its own by the default one."""
    default = str(prefs.get("mail.smtp.defaultserver", ""))
    found = []
    for name, value in prefs.items():
        if (match := re.fullmatch(r"mail\.identity\.(\w+)\.useremail", name)) and isinstance(value, str):
            chosen = prefs.get(f"mail.identity.{match[1]}.smtpServer") or default
            if chosen == key and value.isprintable():
                found.append(value)
    return tuple(dict.fromkeys(found))

"""What only this machine decides: a small file in the data folder, changed by `trackkit server set`, never by the API.

Fails with `InvalidInput` naming the setting, and with `Unavailable` when the file cannot be read.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import tomli_w

from trackkit.domain.databases import Place, place_of
from trackkit.domain.errors import InvalidInput, Unavailable
from trackkit.domain.licenses import public_key, public_key_text
from trackkit.services.sinks.event_log import JOURNAL_SOCKET, SYSLOG_SOCKET

_FILE: Final = "server.toml"


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """Settings of one server on its machine."""

    address: str = "127.0.0.1"
    """The address to listen on."""
    allow_plain: bool = False
    """`server.encrypt` may be switched off although other machines can reach the server."""
    allow_full_paths: tuple[str, ...] = ()
    """Folders, and hosts as postgresql:// URLs, below which project databases may lie; none = relative names only."""
    backup_roots: tuple[str, ...] = ()
    """Folders beside DATA/backups that backups may be written to."""
    pickup_roots: tuple[str, ...] = ()
    """Folders in which the pickup folder may lie; none = there can be none."""
    mapi_library: str = ""
    """The library with Simple MAPI's calls; empty = Windows's own, and none elsewhere."""
    license_keys: tuple[str, ...] = ()
    """Public keys (base64) whose license serials are accepted; none = only the evaluation license counts."""
    journal_socket: str = JOURNAL_SOCKET
    """Where systemd's journal takes entries; empty = it is not used."""
    syslog_socket: str = SYSLOG_SOCKET
    """Where the syslog daemon takes entries, used where there is no journal; empty = it is not used."""


TITLES: Final[Mapping[str, str]] = {
    "address": "the address to listen on (127.0.0.1 = this machine only, 0.0.0.0 = every IPv4 network)",
    "allow-plain": "yes = server.encrypt may be switched off although other machines reach the server",
    "allow-full-paths": "where databases may lie beside DATA/databases: folders, postgresql://host:port, with commas; "
    "no = nowhere",
    "backup-roots": "folders that backups may be written to beside DATA/backups, with commas; no = none",
    "pickup-roots": "folders in which the folder of the sending method 'pickup' may lie, with commas; no = none",
    "mapi-library": "the library that mail by MAPI goes through; no = Windows's own, and none elsewhere",
    "license-keys": "public keys whose license serials are accepted, as `trackkit license keygen` prints them, with "
    "commas; no = none",
    "journal-socket": "the socket of systemd's journal, which gets log entries (log.event_log_level); no = not used",
    "syslog-socket": "the socket of the syslog daemon, used where there is no journal; no = not used",
}


def load(data: Path) -> MachineSettings:
    """The settings of the server in the folder `data`; defaults when there is no file yet."""
    path = data / _FILE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return MachineSettings()
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{path} cannot be read: {error}", "Mend the file, or remove it to get the defaults."
        ) from error
    settings = MachineSettings()
    for name, value in raw.items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        settings = changed(settings, name.replace("_", "-"), text)
    return settings


def changed(settings: MachineSettings, name: str, text: str) -> MachineSettings:
    """The settings with one of them set from text."""
    if name == "address":
        try:
            return replace(settings, address=str(ip_address(text)))
        except ValueError:
            raise InvalidInput.of("address", f"{text!r} is no IP address of this machine") from None
    if name == "allow-plain":
        if text.lower() not in ("yes", "no", "true", "false"):
            raise InvalidInput.of("allow-plain", f"is {text!r}; write yes or no")
        return replace(settings, allow_plain=text.lower() in ("yes", "true"))
    if name == "allow-full-paths":
        return replace(settings, allow_full_paths=_roots(name, text, urls=True))
    if name == "backup-roots":
        return replace(settings, backup_roots=_roots(name, text, urls=False))
    if name == "pickup-roots":
        return replace(settings, pickup_roots=_roots(name, text, urls=False))
    if name == "mapi-library":
        return replace(settings, mapi_library=_file(name, text))
    if name == "journal-socket":
        return replace(settings, journal_socket=_file(name, text))
    if name == "syslog-socket":
        return replace(settings, syslog_socket=_file(name, text))
    if name == "license-keys":
        return replace(settings, license_keys=_keys(name, text))
    raise InvalidInput.of(name, "is not the name of a setting", f"The settings are {', '.join(TITLES)}.")


def _roots(name: str, text: str, *, urls: bool) -> tuple[str, ...]:
    """Roots with commas between them; ``no`` or nothing = none."""
    if text.strip().lower() in ("", "no"):
        return ()
    roots = [part.strip() for part in text.split(",")]
    hosts = [root for root in roots if urls and place_of(root) is Place.postgresql]
    if any(not host.startswith("postgresql://") or "@" in host for host in hosts):
        raise InvalidInput.of(name, "holds what is no host; write postgresql://host:port without a user")
    checked_roots(name, [root for root in roots if root not in hosts])
    return tuple(roots)


def checked_roots(name: str, roots: Iterable[str]) -> tuple[str, ...]:
    """Full paths of folders below which something is allowed; `InvalidInput`."""
    found = tuple(roots)
    for root in found:
        if not Path(root).is_absolute():
            raise InvalidInput.of(name, f"{root!r} is no full path")
        if Path(root).resolve() == Path(Path(root).anchor):
            raise InvalidInput.of(name, f"{root!r} is the whole disk", "Name a folder that is meant for this.")
    return found


def _keys(name: str, text: str) -> tuple[str, ...]:
    """Public keys with commas between them; ``no`` or nothing = none."""
    if text.strip().lower() in ("", "no"):
        return ()
    return tuple(public_key_text(public_key(part, name)) for part in text.split(","))


def _file(name: str, text: str) -> str:
    """The full path of a socket or file; ``no`` or nothing = none."""
    if text.strip().lower() in ("", "no"):
        return ""
    if not Path(text).is_absolute():
        raise InvalidInput.of(name, f"{text!r} is no full path")
    return text


def save(data: Path, settings: MachineSettings) -> None:
    """Write the settings whole: aside, synced, then renamed."""
    aside = data / f"{_FILE}.new"
    with aside.open("wb") as file:
        tomli_w.dump(asdict(settings), file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(data / _FILE)


def shown(settings: MachineSettings) -> dict[str, str]:
    """Each setting's value as text, by the name used on the command line."""
    return {name: _text(getattr(settings, name.replace("-", "_"))) for name in TITLES}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value) or "no"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value) or "no"

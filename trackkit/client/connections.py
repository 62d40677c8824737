"""The servers a person knows: `connections.toml` in the user's configuration folder (`TRACKKIT_HOME` overrides it).

Kept in order; never a password in it (`remember` puts one into the operating system's keyring, and here only whose it
is). Every change reads the file again under a lock, and replaces it whole (written aside, synced, renamed; mode 0600).
A damaged file raises `InvalidInput` naming the line and is never overwritten. Refused values are `InvalidInput`, a name
given twice `Conflict`, an unknown one `NotFound`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from trackkit.client import endpoint, file_lock, private_file, tls
from trackkit.domain.errors import CertificateChanged, Conflict, InvalidInput, NotFound, Problem

if TYPE_CHECKING:
    from pydantic import SecretStr

FILE_NAME = "connections.toml"


@dataclass(frozen=True, slots=True)
class Connection:
    """A server as its user knows it. `name` is any text and only for people."""

    name: str
    address: str
    port: int = endpoint.DEFAULT_PORT
    encrypted: bool = True
    certificate_pem: str = ""
    """The certificate pinned at first use; empty before it."""
    remembered: str = ""
    """The user whose password is in the operating system's keyring; empty: none is."""

    @property
    def endpoint(self) -> endpoint.Endpoint:
        """Where the server listens."""
        return endpoint.Endpoint(self.address, self.port, self.encrypted)

    @property
    def fingerprint(self) -> str:
        """Of the pinned certificate; empty before the first use."""
        from trackkit.client.diagnose import fingerprint_of_pem

        return fingerprint_of_pem(self.certificate_pem) if self.certificate_pem else ""


def home() -> Path:
    """The user's configuration folder."""
    if given := os.environ.get("TRACKKIT_HOME"):
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("trackkit", appauthor=False)


class Connections:
    """The connections in order, and the changes to them; each change is on disk when its method returns."""

    def __init__(self, path: Path, items: tuple[Connection, ...] = ()) -> None:
        self.path = path
        self._items = items

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The connections of this user; none when there is no file yet."""
        path = path or home() / FILE_NAME
        return cls(path, _read(path))

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return any(item.name == name for item in self._items)

    def __getitem__(self, name: str) -> Connection:
        return self._items[_index(self._items, name)]

    def __repr__(self) -> str:
        return f"<trackkit connections {[item.name for item in self._items]}>"

    def add(self, name: str, address: str, port: int = endpoint.DEFAULT_PORT, *, encrypted: bool = True) -> Connection:
        """Add a connection at the end."""
        _check_name(name)
        place = endpoint.checked(address, port, encrypted)
        new = Connection(name, place.address, place.port, encrypted)

        def change(items: list[Connection]) -> None:
            if any(item.name == name for item in items):
                raise Conflict(f"There is a connection named {name!r} already; nothing was changed.")
            items.append(new)

        self._change(change)
        return new

    def edit(
        self, name: str, *, address: str | None = None, port: int | None = None, encrypted: bool | None = None
    ) -> Connection:
        """Change what is given; the name and the pinned certificate stay."""

        def change(items: list[Connection]) -> None:
            at = _index(items, name)
            old = items[at]
            place = endpoint.checked(
                old.address if address is None else address,
                old.port if port is None else port,
                old.encrypted if encrypted is None else encrypted,
            )
            items[at] = replace(old, address=place.address, port=place.port, encrypted=place.encrypted)

        self._change(change)
        if self[name].remembered and not self[name].encrypted:
            self.forget(name)  # it would travel in the open
        return self[name]

    def delete(self, name: str) -> None:
        """Delete a connection, with its pinned certificate and its remembered password. There is no undo."""
        remembered = self[name].remembered
        self._change(lambda items: items.pop(_index(items, name)))
        if remembered:
            _forget_password(name, remembered)

    def move(self, name: str, *, up: bool) -> None:
        """Move a connection one place up or down; the first stays first, the last last."""

        def change(items: list[Connection]) -> None:
            at = _index(items, name)
            to = min(max(at + (-1 if up else 1), 0), len(items) - 1)
            items.insert(to, items.pop(at))

        self._change(change)

    def pin(self, name: str, fingerprint: str) -> Connection:
        """Pin the certificate that the server shows now, if it has this fingerprint; `CertificateChanged` if not.

        This is the explicit way to accept a changed certificate.
        """
        from trackkit.client import diagnose

        wanted, place = tls.checked_fingerprint(fingerprint), self[name].endpoint
        pem = diagnose.certificate_of(place)
        shown = diagnose.fingerprint_of_pem(pem)
        if shown != wanted:
            raise CertificateChanged(
                f"{place.place} shows another certificate; nothing was changed.\n  given: {wanted}\n  shown: {shown}",
                "Compare with the fingerprint the server prints at its start.",
                details={"pinned": wanted, "shown": shown},
            )
        return self.keep_certificate(name, pem)

    def keep_certificate(self, name: str, pem: str) -> Connection:
        """Write down a certificate that was confirmed."""

        def change(items: list[Connection]) -> None:
            at = _index(items, name)
            items[at] = replace(items[at], certificate_pem=pem)

        self._change(change)
        return self[name]

    def remember(self, name: str, username: str, password: str | SecretStr) -> Connection:
        """Remember a password in the operating system's keyring: `connect` uses it when no log-in is given.

        Raises `Unavailable` where there is no keyring, `InvalidInput` for a connection that is not encrypted.
        """
        from trackkit.client import remembered

        if not username.strip():
            raise InvalidInput.of("username", "is empty")
        before = self[name]
        if not before.encrypted:
            raise InvalidInput.of("encrypted", "is off: a remembered password would travel in the open")
        remembered.keep(remembered.of(name), username, password)
        if before.remembered not in ("", username):
            _forget_password(name, before.remembered)
        return self._remembering(name, username)

    def forget(self, name: str) -> Connection:
        """Take the remembered password out of the keyring."""
        if username := self[name].remembered:
            _forget_password(name, username)
        return self._remembering(name, "")

    def remembers(self, name: str, username: str | None = None) -> bool:
        """Whether there is a connection of that name with a password in the keyring, of that user if one is named."""
        kept = next((item.remembered for item in self._items if item.name == name), "")
        return bool(kept) and username in (None, "", kept)

    def _remembering(self, name: str, username: str) -> Connection:
        def change(items: list[Connection]) -> None:
            at = _index(items, name)
            items[at] = replace(items[at], remembered=username)

        self._change(change)
        return self[name]

    def _change(self, change: Callable[[list[Connection]], object]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_lock.exclusive(self.path.with_suffix(".lock")):
            items = list(_read(self.path))
            change(items)
            _write(self.path, items)
        self._items = tuple(items)


def _forget_password(name: str, username: str) -> None:
    from trackkit.client import remembered

    remembered.forget(remembered.of(name), username)


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidInput.of("name", "is empty")
    if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
        raise InvalidInput.of("name", "holds half a character (a lone surrogate)")


def _index(items: list[Connection] | tuple[Connection, ...], name: str) -> int:
    names = [item.name for item in items]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3)
        known = f"Did you mean {', '.join(near)}?" if near else f"There are: {', '.join(names) or 'none yet'}."
        raise NotFound(f"There is no connection named {name!r}.", known)
    return names.index(name)


def _write(path: Path, items: list[Connection]) -> None:
    import tomli_w

    rows = [
        {
            "name": item.name,
            "address": item.address,
            "port": item.port,
            "encrypted": item.encrypted,
            "certificate_pem": item.certificate_pem,
            **({"remembered": item.remembered} if item.remembered else {}),
        }
        for item in items
    ]
    text = tomli_w.dumps({"connection": rows}, multiline_strings=True)
    private_file.replace(path, text)


def _read(path: Path) -> tuple[Connection, ...]:
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise _damaged(path, error.object[: error.start].count(b"\n") + 1, "is no UTF-8 text") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _damaged(path, _line_of_error(error, text), str(error)) from None
    return _connections(path, text, tree)


def _connections(path: Path, text: str, tree: dict[str, Any]) -> tuple[Connection, ...]:
    rows = tree.get("connection", [])
    others = [key for key in tree if key != "connection"]
    if others or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        key = others[0] if others else "connection"
        raise _damaged(path, _line(text, 0, key), f"{key} is not a list of connections ([[connection]])")
    found: list[Connection] = []
    for number, row in enumerate(rows, start=1):
        for key, reason in _row_problems(row):
            raise _damaged(path, _line(text, number, key), f"{key} {reason}")
        if any(item.name == row["name"] for item in found):
            raise _damaged(path, _line(text, number, "name"), "name stands there twice")
        found.append(Connection(**row))
    return tuple(found)


_KEYS = {
    "name": str,
    "address": str,
    "port": int,
    "encrypted": bool,
    "certificate_pem": str,
    "remembered": str,
}


def _row_problems(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        if key not in _KEYS:
            yield key, "does not belong there"
        elif type(value) is not _KEYS[key]:
            yield key, "has the wrong type"
    for key in ("name", "address"):
        if key not in row:
            yield key, "is missing"
    if not str(row.get("name", "x")).strip():
        yield "name", "is empty"
    if reason := endpoint.address_problem(str(row.get("address", ""))):
        yield "address", reason
    if reason := endpoint.port_problem(row.get("port", endpoint.DEFAULT_PORT)):
        yield "port", reason


def _line(text: str, number: int, key: str) -> int:
    """The line of `key` in connection `number` (0: before the first); of its head when it does not stand there."""
    seen, head = 0, 1
    for at, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*\[\[\s*connection\s*]]", line):
            seen += 1
            head = at if seen == number else head
        elif seen == number and re.match(rf"\s*\[?[\"']?{re.escape(key)}\b", line):
            return at
    return head


def _line_of_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    match = re.search(r"at line (\d+)", str(error))
    return int(match[1]) if match else text.count("\n") + 1


def _damaged(path: Path, line: int, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{path} is damaged at line {line}; nothing was changed.",
        "Mend that line, or move the file away and add the connections again.",
        problems=[Problem(f"line {line}", reason)],
    )

"""A mail program behind MAPI for tests: `mapi.c`, built by gcc, and what it was given."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Sent:
    """One mail that the library was given."""

    flags: int
    by: str = ""
    subject: str = ""
    text: str = ""
    recipients: list[tuple[int, str, str]] = field(default_factory=list)
    """(class, name, address)."""
    files: list[tuple[str, bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class FakeMapi:
    """The library, built into `folder`; files there say what it does."""

    def __init__(self, folder: Path, *, wide: bool = True) -> None:
        compiler = shutil.which("gcc")
        if compiler is None:
            assert not os.environ.get("CI"), "gcc has to be there in CI"
            pytest.skip("gcc is not there to build a library with MAPI's calls")
        self.folder, self.library = folder, str(folder / "libmapi.so")
        source = Path(__file__).with_name("mapi.c")
        options = ["-shared", "-fPIC", "-O0", "-Wall", "-Werror", f'-DFOLDER="{folder}"', *(["-DWIDE"] if wide else [])]
        subprocess.run([compiler, *options, "-o", self.library, str(source)], check=True)

    def says(self, name: str, text: object = "") -> None:
        """Make it behave so from now on."""
        (self.folder / name).write_text(f"{text}\n")

    def forgets(self, name: str) -> None:
        """Make it behave so no longer."""
        (self.folder / name).unlink(missing_ok=True)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What was written down: field, value."""
        record = self.folder / "record"
        lines = record.read_text().splitlines() if record.exists() else []
        return [(name, value) for name, _, value in (line.partition(" ") for line in lines)]

    @property
    def logins(self) -> list[tuple[str, str]]:
        """(profile, password) of each log-in."""
        texts = [_text(value) for name, value in self.lines if name in ("profile", "password")]
        return list(zip(texts[::2], texts[1::2], strict=True))

    @property
    def sent(self) -> list[Sent]:
        """The mails it took."""
        found: list[Sent] = []
        for name, value in self.lines:
            if name == "send":
                found.append(Sent(int(value)))
            elif name in ("by", "subject", "text"):
                setattr(found[-1], name, _text(value))
            elif name == "class":
                found[-1].recipients.append((int(value), "", ""))
            elif name == "name":
                found[-1].recipients[-1] = (found[-1].recipients[-1][0], _text(value), "")
            elif name == "address":
                kind, known, _ = found[-1].recipients[-1]
                found[-1].recipients[-1] = (kind, known, _text(value))
            elif name == "file":
                found[-1].files.append((_text(value), b""))
            elif name == "path":
                found[-1].paths.append(_text(value))
            elif name == "content":
                found[-1].files[-1] = (found[-1].files[-1][0], bytes.fromhex(value))
        return found


def _text(value: str) -> str:
    return bytes.fromhex(value).decode()

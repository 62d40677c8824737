"""References to secrets, resolved on the side of the person who has them."""

from __future__ import annotations

from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from trackkit.client.references import resolve, resolved
from trackkit.domain.errors import InvalidInput


class InMemory(KeyringBackend):  # type: ignore[misc]
    """A keyring that forgets: the system's own is not for tests to write into."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    backend = InMemory()
    monkeypatch.setattr(keyring, "get_password", backend.get_password)
    return backend


@pytest.mark.spec("13: secrets by reference (env:, file:, keyring:)")
def test_each_kind_is_resolved(kept: InMemory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_SECRET", "one")
    (tmp_path / "secret").write_bytes(b" two \r\n")
    kept.set_password("trackkit/mail", "olga", "three")
    found = resolved({"a": "env:A_SECRET", "b": f"file:{tmp_path / 'secret'}", "c": "keyring:trackkit/mail/olga"})
    assert {name: secret.get_secret_value() for name, secret in found.items()} == {
        "a": "one",
        "b": " two ",
        "c": "three",
    }
    assert "one" not in repr(found)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:NOT_SET", "NOT_SET, which is not set"),
        ("file:/no/such/file", "cannot be read"),
        ("file:\x00", "cannot be read"),
        ("file:~nobody-of-that-name/x", "cannot be read"),
        ("file:/", "cannot be read"),
        ("keyring:trackkit/nobody", "keeps nothing"),
        ("keyring:trackkit", "keyring:SERVICE/NAME"),
        ("hunter2", "is no reference"),
    ],
)
def test_what_cannot_be_had_says_why(reference: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        resolve(reference, "password")
    assert refused.value.problems[0].field == "password"
    assert "hunter2" not in str(refused.value)


def test_everything_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        resolved({"a": "env:NOT_SET", "b": "env:NOT_SET_EITHER"})
    assert [one.field for one in refused.value.problems] == ["a", "b"]

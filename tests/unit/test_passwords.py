"""Whether somebody exists cannot be told from how long a log-in takes."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from trackkit.services.passwords import Passwords


def test_nobodys_password_takes_as_long_to_verify_as_anybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, verified = Passwords(), []

    def verify(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        with pytest.raises(VerifyMismatchError):  # it was computed to its end
            genuine(hasher, password_hash, password)
        verified.append(extract_parameters(password_hash))
        raise VerifyMismatchError

    genuine = PasswordHasher.verify
    stored = passwords.hash("a password")
    assert passwords.verify(stored, "a password")
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    assert not passwords.verify(None, "a password")
    assert not passwords.verify(stored, "another")
    assert verified == [extract_parameters(stored)] * 2

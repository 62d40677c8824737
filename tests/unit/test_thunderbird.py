"""What is read of Thunderbird's profiles, and what of it is suggested."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackkit.client.thunderbird import belongs, read_prefs, thunderbird_accounts
from trackkit.domain.sending_settings import Settings

PREFS = r"""// Mozilla User Preferences
user_pref("mail.smtpservers", "smtp2,smtp1,smtp3,smtp4,smtp5,gone");
user_pref("mail.smtp.defaultserver", "smtp1");
user_pref("mail.identity.id1.useremail", "ann@example.com");
user_pref("mail.identity.id1.smtpServer", "smtp2");
user_pref("mail.identity.id2.useremail", "info@example.org");
user_pref("mail.smtpserver.smtp1.hostname", "smtp.example.org");
user_pref("mail.smtpserver.smtp1.try_ssl", 3);
user_pref("mail.smtpserver.smtp1.port", 465);
user_pref("mail.smtpserver.smtp1.authMethod", 3);
user_pref("mail.smtpserver.smtp1.username", "info");
user_pref("mail.smtpserver.smtp1.password", "canary-1");
user_pref("mail.smtpserver.smtp2.hostname", "smtp.example.com");
user_pref("mail.smtpserver.smtp2.try_ssl", 2);
user_pref("mail.smtpserver.smtp2.authMethod", 10);
user_pref("mail.smtpserver.smtp2.username", "ann@example.com");
user_pref("mail.smtpserver.smtp3.hostname", "kerberos.example.com");
user_pref("mail.smtpserver.smtp3.authMethod", 5);
user_pref("mail.smtpserver.smtp4.hostname", "bad host \u202e");
user_pref("mail.smtpserver.smtp5.hostname", "relay");
user_pref("mail.smtpserver.smtp5.authMethod", 1);
user_pref("mail.smtpserver.smtp5.port", 25);
user_pref("mail.smtpserver.smtp5.username", "unused");
user_pref("signon.canary", "canary-2");
"""


@pytest.mark.parametrize(
    "folder",
    [
        ".thunderbird",
        "snap/thunderbird/common/.thunderbird",
        ".var/app/org.mozilla.Thunderbird/.thunderbird",
        "Library/Thunderbird/Profiles",
    ],
)
def test_the_accounts_of_a_profile(tmp_path: Path, folder: str) -> None:
    profile = tmp_path / folder / "abc.default"
    profile.mkdir(parents=True)
    (profile / "prefs.js").write_text(PREFS)
    found = thunderbird_accounts(tmp_path)
    assert [one.candidate.settings for one in found] == [
        Settings("smtp.example.org", 465, "tls", "basic", "info"),
        Settings("smtp.example.com", 587, "starttls", "oauth2", "ann@example.com"),
        Settings("relay", 25, "none", "anonymous"),
    ]
    assert [one.addresses for one in found] == [("info@example.org",), ("ann@example.com",), ()]
    assert [belongs("Ann@example.com", one) for one in found] == [False, True, False]
    assert [belongs("example.org", one) for one in found] == [True, False, False]
    assert found[0].candidate.where == "Thunderbird, profile abc.default"
    assert "canary" not in repr(found)


def test_on_windows_they_are_below_appdata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "Thunderbird" / "Profiles" / "x.default"
    profile.mkdir(parents=True)
    (profile / "prefs.js").write_text(PREFS)
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert len(thunderbird_accounts()) == 3


def test_profiles_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    profiles = tmp_path / ".thunderbird"
    for name in ("1.folder", "2.rubbish", "3.link", "4.good"):
        (profiles / name).mkdir(parents=True)
    (profiles / "1.folder" / "prefs.js").mkdir()
    (profiles / "2.rubbish" / "prefs.js").write_bytes(
        b"\xff\x00" * 100 + b'\nuser_pref("mail.smtpservers", "a"\n' + b"x" * 9000
    )
    (profiles / "3.link" / "prefs.js").symlink_to("/dev/zero")
    (profiles / "4.good" / "prefs.js").write_text(PREFS)
    assert len(thunderbird_accounts(tmp_path)) == 3
    assert thunderbird_accounts(tmp_path / "nowhere") == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_profile_of_any_name_is_told(tmp_path: Path) -> None:
    profile = os.fsencode(tmp_path / ".thunderbird") + b"/\xff\x1b[2J.default"
    os.makedirs(profile)
    (Path(os.fsdecode(profile)) / "prefs.js").write_text(PREFS)
    for account in thunderbird_accounts(tmp_path):
        assert account.candidate.where.isprintable()
        assert account.candidate.where.encode()


def test_who_has_no_home_folder_has_no_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("APPDATA", raising=False)
    monkeypatch.setattr(Path, "home", classmethod(none))
    assert thunderbird_accounts() == ()


@given(st.text(max_size=400))
def test_no_content_does_harm(text: str) -> None:
    read_prefs(text)
    read_prefs(f'user_pref("mail.a", {text});\nuser_pref("mail.b", "{text}");')

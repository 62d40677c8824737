"""Suggest's decisions: what lies inside, what files and records say, which provider, in which order, what changes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from trackkit.domain import options as declared
from trackkit.domain.autoconfig import LARGEST, NoAutoconfig, read_autoconfig
from trackkit.domain.errors import InvalidInput
from trackkit.domain.mail_providers import PROVIDERS, of_domain, of_mail_hosts
from trackkit.domain.networks import inside, no_host
from trackkit.domain.options import Options
from trackkit.domain.sending_settings import Settings, still_needed
from trackkit.domain.suggestions import (
    MAIL_PORTS,
    Asked,
    Candidate,
    Evidence,
    Finding,
    Source,
    SrvRecord,
    Tried,
    as_seen,
    asked,
    candidates,
    from_provider,
    from_srv,
    hosts_to_try,
)

ABOUT = Asked("ann@example.com", "example.com")
INSIDE = [
    "10.0.0.1", "172.16.1.1", "192.168.1.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "2001:0:102:304:0:0:0:1", "host", "127.1",
    "0x7f.1",
]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    INSIDE,
)
def test_what_lies_inside(address: str) -> None:
    assert inside(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_what_lies_in_the_internet(address: str) -> None:
    assert inside(address) == ""


def test_what_no_host_can_have() -> None:
    assert [no_host(a) for a in ("10.0.0.1", "::1", "fe80::1%eth0", "169.254.1.1")] == [""] * 4
    assert all(no_host(a) for a in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "x"))


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (" Ann@Example.COM. ".replace(". ", " "), Asked("Ann@Example.COM", "example.com")),
        ("Bücher.example", Asked("", "xn--bcher-kva.example")),
        ("10.0.0.5", Asked("", "", ("10.0.0.5",))),
        ("::1", Asked("", "", ("::1",))),
    ],
)
def test_what_is_asked_for(about: str, expected: Asked) -> None:
    assert asked(about) == expected


@pytest.mark.parametrize(
    "about",
    [
        *("", " ", "a@", "@b.test", "a b.test", "http://x.test", "a@[127.0.0.1]", "x..test", "-x.test", "a\n@b.test"),
        *("fe80::1%eth0", "x" * 300),
    ],
)
def test_what_cannot_be_looked_for(about: str) -> None:
    with pytest.raises(InvalidInput):
        asked(about)


def test_hosts_that_cannot_be_named() -> None:
    for hosts in (["a b"], [""], ["x/y"], ["h.test"] * 5):
        with pytest.raises(InvalidInput):
            asked("x.test", hosts)
    assert asked("x.test", ["Relay.local", "fd00::1"]).hosts == ("relay.local", "fd00::1")


SERVER = (
    "<outgoingServer type='smtp'><hostname>{host}</hostname><port>{port}</port><socketType>{socket}</socketType>"
    "<username>{user}</username>{ways}</outgoingServer>"
)


def config(*servers: dict[str, Any], more: str = "") -> bytes:
    """A file with these servers."""
    defaults = {"host": "mail.example.com", "port": 587, "socket": "STARTTLS", "user": "%EMAILADDRESS%"}
    ways = "<authentication>password-cleartext</authentication>"
    parts = [SERVER.format(**{**defaults, "ways": ways, **server}) for server in servers]
    return f"<clientConfig version='1.1'><emailProvider>{''.join(parts)}{more}</emailProvider></clientConfig>".encode()


def way(*names: str) -> str:
    return "".join(f"<authentication>{name}</authentication>" for name in names)


def test_what_an_autoconfig_file_says() -> None:
    content = config(
        {"port": 465, "socket": "SSL", "user": "%EMAILLOCALPART%"},
        {"ways": way("GSSAPI", "password-encrypted"), "host": "smtp.%EMAILDOMAIN%"},
        {"ways": way("OAuth2", "password-cleartext")},
        {"ways": way("client-IP-address"), "socket": "plain", "port": 25},
        more="<oAuth2><tokenURL>https://x.test/token</tokenURL><scope>mail</scope></oAuth2>",
    )
    host, address = "mail.example.com", "ann@example.com"
    assert read_autoconfig(content, address, "example.com") == (
        Settings(host, 465, "tls", "basic", "ann"),
        Settings("smtp.example.com", 587, "starttls", "basic", address),
        Settings(host, 587, "starttls", "oauth2", address, "https://x.test/token", "mail"),
        Settings(host, 25, "none", "anonymous"),
    )
    assert [one.username for one in read_autoconfig(content, "", "example.com")] == [None] * 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no XML"),
        (b"\xff\xfe\x00", "no XML"),
        (b"<clientConfig", "no XML"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "no XML"),
        (b"<html><body>not found</body></html>", "no autoconfig file"),
        (b"<clientConfig/>", "names no host"),
        (config({"port": 0}), "nothing of what it offers"),
        (config({"port": "5８7"}), "nothing of what it offers"),
        (config({"port": 70000}), "nothing of what it offers"),
        (config({"host": "a b"}), "nothing of what it offers"),
        (config({"host": ""}), "nothing of what it offers"),
        (config({"socket": "plain"}), "nothing of what it offers"),
        (config({"user": "x&#x202e;y"}), "nothing of what it offers"),
        (config({"ways": way("GSSAPI")}), "nothing of what it offers"),
        (config({"ways": way("OAuth2")}, more="<oAuth2><tokenURL>http://x.test/</tokenURL></oAuth2>"), "nothing"),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + config({"host": "&e;"}), "document type"),
        (b"<!DOCTYPE clientConfig>" + config({}), "document type"),
        (config({}) + b" " * LARGEST, "too large"),
    ],
)
def test_files_that_cannot_be_used(content: bytes, why: str) -> None:
    with pytest.raises(NoAutoconfig, match=why):
        read_autoconfig(content, "ann@example.com", "example.com")


@given(
    st.one_of(st.binary(max_size=300), st.text(alphabet="<>/&;!aoutgingServer\"'= \x00é", max_size=300).map(str.encode))
)
def test_no_file_does_harm(content: bytes) -> None:
    for whole in (content, config({}).replace(b"</emailProvider>", content + b"</emailProvider>")):
        with suppress(NoAutoconfig):
            assert all(one.is_possible for one in read_autoconfig(whole, "ann@example.com", "example.com"))


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["aspmx.l.google.com"], "Google"),
        (["mta5.am0.yahoodns.net"], "Yahoo"),
        (["hotmail-com.olc.protection.outlook.com"], "Outlook.com"),
        (["example-com.mail.protection.outlook.com"], "Microsoft 365"),
        (["example-com.o-v1.mx.microsoft"], "Microsoft 365"),
        (["mx01.mail.icloud.com."], "iCloud"),
        (["in1-smtp.messagingengine.com"], "Fastmail"),
        (["mx.zoho.eu", "mx2.zoho.eu"], "Zoho (EU)"),
        (["spam.filter.test", "mx00.gmx.net"], "GMX"),
        (["notgoogle.com", "google.com.evil.test"], None),
        ([], None),
    ],
)
def test_providers_by_their_mail_hosts(hosts: list[str], name: str | None) -> None:
    found = of_mail_hosts(hosts)
    assert (found.name if found else None) == name


def test_the_providers_are_declared_whole() -> None:
    for one in PROVIDERS:
        assert one.domains or one.mx
        assert set(one.ports) <= MAIL_PORTS
        assert one.authentication != "oauth2" or one.token_url
        assert all(
            settings.settings.is_possible for settings in from_provider(Asked("", (one.domains or ("x.y",))[0]), ())
        )
    own = [domain for one in PROVIDERS for domain in one.domains]
    assert len(own) == len(set(own))
    known = {"gmail.com": 465, "yahoo.com": 465, "hotmail.com": 587, "outlook.com": 587, "web.de": 587, "me.com": 587}
    assert {domain: of_domain(domain).ports[0] for domain in known} == known  # type: ignore[union-attr]
    aol = from_provider(Asked("a@aol.com", "aol.com"), ("mx-aol.mail.gm0.yahoodns.net",))
    assert {one.settings.host for one in aol} == {"smtp.aol.com"}


def test_srv_records_in_their_order() -> None:
    records = {
        "_submission._tcp": (SrvRecord(5, 1, 587, "a.example.com"), SrvRecord(1, 1, 587, "b.example.com")),
        "_submissions._tcp": (SrvRecord(1, 1, 465, "b.example.com"), SrvRecord(1, 9, 465, "c.elsewhere.test")),
    }
    found = from_srv(ABOUT, records)
    assert [one.settings.label for one in found] == [
        "c.elsewhere.test:465", "b.example.com:465", "b.example.com:587", "a.example.com:587"
    ]  # fmt: skip
    assert [bool(one.notes) for one in found] == [True, False, False, False]
    useless = (
        SrvRecord(0, 0, 0, "."),
        SrvRecord(0, 0, 0, "a.test"),
        SrvRecord(0, 0, 25, "a b"),
        SrvRecord(0, 0, 25, "*.x"),
    )
    assert from_srv(ABOUT, {"_submission._tcp": useless}) == []


def settings(port: int = 587, **more: Any) -> Settings:
    return Settings(**{"host": "m.example.com", "port": port, "encryption": "starttls", "username": "ann", **more})


def one_of(found: Settings, tried: Tried | None) -> Candidate:
    """The only candidate."""
    evidence = Evidence([Finding(Source.srv, "here", found)], {found: tried} if tried else {})
    (one,) = candidates(evidence)
    return one


@pytest.mark.parametrize(
    ("offers", "encrypted", "expected"),
    [
        ({"PLAIN", "XOAUTH2"}, True, "basic"),
        ({"CRAM-MD5"}, True, "basic"),
        ({"XOAUTH2", "OAUTHBEARER"}, True, "oauth2"),
        ({"NTLM", "GSSAPI"}, True, "ntlm"),
        ({"GSSAPI"}, True, "anonymous"),
        (set(), True, "anonymous"),
        ({"PLAIN"}, False, "anonymous"),
    ],
)
def test_the_log_in_follows_what_is_offered(offers: set[str], encrypted: bool, expected: str) -> None:
    found = one_of(settings(), Tried(True, encrypted, offers=frozenset(offers)))
    assert found.settings.authentication == expected
    assert (found.settings.username is None) is (expected == "anonymous")


def test_what_a_source_names_stays_and_its_contradiction_is_told() -> None:
    found = one_of(settings(authentication="ntlm"), Tried(True, True, offers=frozenset({"PLAIN"})))
    assert found.settings.authentication == "ntlm"
    assert "does not offer the log-in 'ntlm'" in " ".join(found.words)
    unknown = one_of(settings(), None)
    assert (unknown.settings.authentication, unknown.answered) == ("basic", False)


def test_the_order_of_candidates() -> None:
    good, bad = Tried(True, True, offers=frozenset({"PLAIN"})), Tried(False, words="connection refused")
    srv, auto, known, port = settings(1), settings(2, authentication="basic"), settings(3), settings(25)
    again = settings(2, username="other")
    evidence = Evidence(
        [
            Finding(Source.ports, "", port),
            Finding(Source.provider, "", known),
            Finding(Source.srv, "", srv),
            Finding(Source.autoconfig, "first", auto),
            Finding(Source.provider, "second", again),
        ],
        {srv: bad, auto: good, known: good, port: good, again: good},
    )
    assert [(one.source, one.settings.port) for one in candidates(evidence)] == [
        (Source.autoconfig, 2), (Source.provider, 3), (Source.ports, 25), (Source.srv, 1)
    ]  # fmt: skip


def test_usual_ports_become_what_was_seen() -> None:
    tried = Finding(Source.ports, "", settings(25, encryption="starttls-if-offered"))
    assert as_seen(tried, Tried(True, True)).settings.encryption == "starttls"
    assert as_seen(tried, Tried(False, untrusted=True)).settings.encryption == "starttls"
    assert as_seen(tried, Tried(True)).settings.encryption == "starttls-if-offered"


def test_whose_ports_are_tried() -> None:
    assert hosts_to_try(ABOUT, ["mx1.x", "mx2.x", "mx3.x"]) == (
        "mail.example.com",
        "smtp.example.com",
        "mx1.x",
        "mx2.x",
    )
    assert hosts_to_try(ABOUT, []) == ("mail.example.com", "smtp.example.com", "example.com")
    assert hosts_to_try(Asked("", "example.com", ("relay",)), ["mx1.x"]) == ("relay",)


def options(**values: Any) -> Options:
    return declared.changed(Options(), {f"sending.{name.replace('__', '.')}": v for name, v in values.items()})


def test_what_taking_settings_changes() -> None:
    before = options(
        method="direct", smtp__host="old.test", smtp__authentication="basic", smtp__username="o",
        smtp__password=SecretStr("p"), oauth2__token_url="https://old.test/t", oauth2__client_secret=SecretStr("s"),
    )  # fmt: skip
    found = settings(authentication="basic")
    changes = found.changes(before)
    assert changes == {
        "sending.method": "smtp",
        "sending.smtp.host": "m.example.com",
        "sending.smtp.port": 587,
        "sending.smtp.encryption": "starttls",
        "sending.smtp.authentication": "basic",
        "sending.smtp.username": "ann",
        "sending.smtp.password": None,
    }
    assert still_needed(before, changes) == ("sending.smtp.password",)
    after = declared.changed(before, {**changes, "sending.smtp.password": SecretStr("new")})
    done_with = ("sending.method", "sending.smtp.password")
    assert found.changes(after) == {name: value for name, value in changes.items() if name not in done_with}
    assert still_needed(after, found.changes(after)) == ()
    token = settings(authentication="oauth2", token_url="https://new.test/t", scope="x").changes(after)
    assert token["sending.oauth2.client_secret"] is None, "what is for one provider is not sent to another"
    assert still_needed(after, token) == ("sending.oauth2.client_id", "sending.oauth2.refresh_token")
    tokens = options(
        smtp__host="old.test", smtp__authentication="oauth2", smtp__username="o", oauth2__token_url="https://old.test/t",
        oauth2__client_id="c", oauth2__client_secret=SecretStr("s"), oauth2__refresh_token=SecretStr("r"),
    )  # fmt: skip
    for url in (None, "https://old.test/t"):
        elsewhere = settings(authentication="oauth2", token_url=url)
        changes = elsewhere.changes(tokens)
        secrets = {name: changes.get(f"sending.oauth2.{name}", "kept") for name in ("client_secret", "refresh_token")}
        assert secrets == {"client_secret": None, "refresh_token": None}, "nor the tokens that it makes"
        assert still_needed(tokens, changes) == ("sending.oauth2.refresh_token",)
        same = replace(elsewhere, host="Old.test").changes(tokens)
        assert not any(name.startswith("sending.oauth2") for name in same)
    both = {**token, "sending.oauth2.client_secret": SecretStr("s")}
    assert still_needed(after, both) == ("sending.oauth2.client_id",)
    assert still_needed(Options(), settings(authentication="anonymous", username=None).changes(Options())) == ()

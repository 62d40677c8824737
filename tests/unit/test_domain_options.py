"""Options: declared once, so that every one of them has a type, help and a way through text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from trackkit.domain import options
from trackkit.domain.declared import Declaration, matters, value_of
from trackkit.domain.errors import InvalidInput
from trackkit.domain.message import MailType
from trackkit.domain.options import Options

ALL = list(options.catalogue().values())
PLAIN = [info for info in ALL if not info.secret]
NUMBERS = [info for info in ALL if info.kind == "number"]
named = {"ids": lambda info: info.name}


def refused(values: dict[str, object], *, before: Options | None = None) -> list[str]:
    """The fields that were refused."""
    with pytest.raises(InvalidInput) as caught:
        options.changed(before or Options(), values)
    return [problem.field for problem in caught.value.problems]


@pytest.mark.spec("7: Every option has a type, range, default, unit, help text, and says whether it needs a restart")
@pytest.mark.parametrize("info", ALL, **named)
def test_every_option_explains_itself(info: Declaration) -> None:
    assert info.title
    assert info.title != info.name
    assert info.help.endswith((".", ")"))
    assert info.group in Options.model_fields
    if info.kind == "number":
        assert info.minimum is not None
        assert info.maximum is not None


def test_option_names_of_the_specification_are_there() -> None:
    assert {
        "sending.method",
        "sending.paused",
        "sending.smtp.host",
        "sending.smtp.port",
        "sending.smtp.username",
        "sending.smtp.password",
        "sending.smtp.encryption",
        "sending.smtp.authentication",
        "sending.oauth2.token_url",
        "sending.oauth2.refresh_token",
        "sending.pop_before_smtp.enabled",
        "sending.pop_before_smtp.host",
        "sending.pop_before_smtp.port",
        "sending.pop_before_smtp.encryption",
        "sending.pop_before_smtp.username",
        "sending.pop_before_smtp.password",
        "sending.smtp.one_message_per_connection",
        "sending.smtp.connect_timeout",
        "sending.smtp.conversation_timeout",
        "sending.timing.connections",
        "sending.timing.days",
        "sending.pickup.folder",
        "sending.mapi.enabled",
        "sending.mapi.paused",
        "sending.mapi.profile",
        "sending.mapi.password",
        "sending.mapi.show_window",
        "sending.listener.enabled",
        "sending.listener.address",
        "sending.listener.port",
        "sending.listener.networks",
        "sending.listener.require_login",
        "log.database_level",
        "log.event_log_level",
        "log.email_level",
        "log.email_to",
        "log.email_address_type",
        "log.email_return_address",
        "log.startup_log",
        "log.warn_not_a_service",
        "log.retention_days",
        "log.retention_entries",
        "server.encrypt",
        "server.port",
        "server.admin_idle_minutes",
    } <= set(options.catalogue())


def test_flat_and_back_is_the_same() -> None:
    chosen = options.changed(Options(), {"sending.smtp.host": "h.test", "sending.smtp.password": SecretStr("p")})
    assert options.from_flat(options.flat(chosen)) == chosen
    assert options.from_flat({}) == Options()


@given(st.data())
def test_any_valid_values_survive_flat_and_back(data: st.DataObject) -> None:
    values = {
        info.name: data.draw(valid_values(info), label=info.name)
        for info in ALL
        if info.name not in (*LOGIN, *MAIL, *METHOD) and not info.secret
    }
    chosen = options.changed(Options(), values)
    assert options.from_flat(options.flat(chosen)) == chosen
    assert {name: value_of(chosen, name) for name in values} == values


# What needs others to be there: test_login_has_to_be_complete and the tests behind it are about them. An address has
# to be one, and to be there where entries are e-mailed: test_mails_about_the_log_need_an_address.
LOGIN = ("sending.smtp.authentication", "sending.pop_before_smtp.enabled", "tracking.enabled")
SPECIAL = {
    "tracking.address": [None, "track@example.org"],
    "sending.timing.schedule": ["", "daily 00:00-24:00", "Mon-Fri 08:00-18:00, Sat 22:00-06:00 in Europe/Berlin"],
    "sending.pickup.folder": [None, "/var/spool/pickup", "C:\\pickup", "\\\\mail\\share\\pickup"],
    "sending.listener.address": ["127.0.0.1", "::1"],
    "sending.oauth2.token_url": [None, "https://login.test/token", "http://127.0.0.1:8080/token"],
    "sending.listener.networks": ["127.0.0.0/8, ::1/128", "192.0.2.0/24"],
}
METHOD = ("sending.method",)
"""Some of them need more: test_direct_then_smtp_needs_a_relay_and_direct_none, test_local_ways_need_what_they_use."""
MAIL = ("log.email_level", "log.email_to", "log.email_return_address")


def valid_values(info: Declaration) -> st.SearchStrategy[object]:
    if info.kind == "yes/no":
        return st.booleans()
    if info.kind == "number":
        numbers = st.integers(info.minimum, info.maximum)
        return st.none() | numbers if info.optional else numbers
    if info.kind == "choice":
        return st.sampled_from(info.choices)
    if info.name in SPECIAL:
        return st.sampled_from(SPECIAL[info.name])
    text = st.from_regex(r"[a-z0-9.-]{1,60}", fullmatch=True)
    if info.secret:
        return st.none() | text.map(SecretStr)
    return st.none() | text if info.optional else text | st.just("")


@pytest.mark.parametrize("info", PLAIN, **named)
def test_the_text_of_a_value_is_read_back_as_that_value(info: Declaration) -> None:
    value = value_of(Options(), info.name)
    if value is not None:
        assert info.parse(str(value)) == value


@pytest.mark.parametrize("info", NUMBERS, **named)
def test_numbers_are_kept_within_their_bounds(info: Declaration) -> None:
    assert info.minimum is not None
    assert info.maximum is not None
    for good in (info.minimum, info.maximum):
        assert value_of(options.changed(Options(), {info.name: good}), info.name) == good
    for bad in (info.minimum - 1, info.maximum + 1, -1, 2**70, True, 1.5, "25", [1]):
        assert refused({info.name: bad}) == [info.name]
    if info.optional:
        assert value_of(options.changed(Options(), {info.name: None}), info.name) is None
    else:
        assert refused({info.name: None}) == [info.name]


@pytest.mark.parametrize("info", [info for info in ALL if info.kind in ("choice", "yes/no")], **named)
@pytest.mark.parametrize("bad", ["", "no such choice", 7, None, "YES", ["none"]])
def test_choices_and_switches_take_nothing_else(info: Declaration, bad: object) -> None:
    assert refused({info.name: bad}) == [info.name]


@pytest.mark.parametrize("bad", ["a b", "a/b", "http://a", "user@host", "a\r\nb", "a\x00", "x" * 254, 5, "[::1]"])
def test_a_host_is_a_host(bad: object) -> None:
    assert refused({"sending.smtp.host": bad}) == ["sending.smtp.host"]


def test_an_empty_host_means_none() -> None:
    assert options.changed(Options(), {"sending.smtp.host": "  "}).sending.smtp.host is None


def test_unknown_options_are_refused_with_the_nearest_names() -> None:
    with pytest.raises(InvalidInput) as caught:
        options.changed(Options(), {"sending.smtp.hots": "x"})
    assert caught.value.problems[0].field == "sending.smtp.hots"
    assert "sending.smtp.host" in str(caught.value)
    for name in ("", ".", "sending", "sending.smtp", "sending.smtp.host.more", "server.__class__"):
        assert refused({name: 1}) == [name]


def test_all_or_none() -> None:
    before = Options()
    assert refused({"sending.smtp.port": 0, "sending.smtp.host": "good.test"}, before=before) == ["sending.smtp.port"]
    assert before == Options()


def test_login_has_to_be_complete() -> None:
    assert refused({"sending.smtp.authentication": "basic"}) == ["sending.smtp.username"]
    assert refused({"sending.smtp.authentication": "basic", "sending.smtp.username": "u"}) == ["sending.smtp.password"]
    assert refused({"sending.smtp.authentication": "ntlm", "sending.smtp.username": "u"}) == ["sending.smtp.password"]


TOKENS = {
    "sending.smtp.authentication": "oauth2",
    "sending.smtp.username": "ada@mail.test",
    "sending.oauth2.token_url": "https://login.test/token",
    "sending.oauth2.client_id": "trackkit",
    "sending.oauth2.refresh_token": SecretStr("r"),
}


@pytest.mark.parametrize("name", [name for name in TOKENS if name != "sending.smtp.authentication"])
def test_a_log_in_by_token_has_to_be_complete(name: str) -> None:
    assert options.changed(Options(), TOKENS).sending.smtp.authentication == "oauth2"
    assert refused({**TOKENS, name: None}) == [name]
    in_its_own_name = {**TOKENS, "sending.oauth2.refresh_token": None, "sending.oauth2.client_secret": SecretStr("s")}
    assert options.changed(Options(), in_its_own_name)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.test/token",
        "http://127.0.0.1.login.test/token",
        "https://user:pass@login.test/token",
        "https://login.test/token#part",
        "ftp://login.test/",
        "https://",
        "https://[::1/token",
        "https://login.test:99999/",
        "token",
        "https://login.test/a b",
    ],
)
def test_secrets_go_only_to_a_url_that_is_safe(url: str) -> None:
    assert refused({"sending.oauth2.token_url": url}) == ["sending.oauth2.token_url"]


POP = {
    "sending.pop_before_smtp.enabled": True,
    "sending.pop_before_smtp.host": "pop.test",
    "sending.pop_before_smtp.username": "ada",
    "sending.pop_before_smtp.password": SecretStr("p"),
}


def test_pop_before_smtp_has_to_be_complete() -> None:
    assert options.changed(Options(), POP).sending.pop_before_smtp.enabled
    for name in ("host", "username", "password"):
        assert refused({**POP, f"sending.pop_before_smtp.{name}": None}) == [f"sending.pop_before_smtp.{name}"]


def test_a_secret_never_shows() -> None:
    secret = "correct horse"
    chosen = options.changed(
        Options(),
        {"sending.smtp.password": SecretStr(secret), "sending.smtp.username": "u", "sending.smtp.host": "h.test"},
    )
    assert secret not in repr(chosen) + str(chosen) + repr(options.flat(chosen)) + chosen.model_dump_json()
    with pytest.raises(InvalidInput) as caught:
        options.changed(chosen, {"sending.smtp.port": 0, "sending.smtp.password": secret + "\n"})
    assert secret not in str(caught.value) + repr(caught.value.problems)


def test_a_password_that_would_go_unencrypted_is_warned_about() -> None:
    login = {
        "sending.smtp.authentication": "basic",
        "sending.smtp.username": "u",
        "sending.smtp.password": SecretStr("p"),
    }
    unencrypted = options.changed(Options(), {**login, "sending.smtp.encryption": "none"})
    assert any("unencrypted" in words for words in options.warnings(unencrypted))
    assert options.warnings(options.changed(Options(), {**login, "sending.smtp.encryption": "tls"})) == []
    assert any("paused" in words for words in options.warnings(options.changed(Options(), {"sending.paused": True})))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sending.smtp.authentication": "ntlm", "sending.smtp.password": SecretStr("p")}, "NTLM"),
        (TOKENS, "access token"),
        ({**POP, "sending.pop_before_smtp.encryption": "none", "sending.smtp.encryption": "tls"}, "POP account"),
    ],
)
def test_every_log_in_that_would_go_unencrypted_is_warned_about(values: dict[str, object], words: str) -> None:
    unencrypted = {"sending.smtp.username": "u", "sending.smtp.encryption": "none", **values}
    (warning,) = options.warnings(options.changed(Options(), unencrypted))
    assert words in warning
    assert "unencrypted" in warning
    encrypted = {**unencrypted, "sending.smtp.encryption": "starttls", "sending.pop_before_smtp.encryption": "tls"}
    assert options.warnings(options.changed(Options(), encrypted)) == []


def test_what_matters_is_declared_with_options_and_values_that_exist() -> None:
    for info in ALL:
        for other, values in info.needs.items():
            needed = options.catalogue()[other]
            assert values
            assert all(value in needed.choices or (needed.kind == "yes/no" and value is True) for value in values)
    assert not matters("sending.oauth2.scope", options.catalogue(), {"sending.smtp.authentication": "basic"})
    # What another field depends on does not matter: then neither does this one.
    values = {"sending.method": "direct", "sending.smtp.authentication": "oauth2"}
    assert not matters("sending.oauth2.scope", options.catalogue(), values)
    assert matters("sending.oauth2.scope", options.catalogue(), {})


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"log.email_level": "error"}, "log.email_to"),
        ({"log.email_to": "nobody"}, "log.email_to"),
        ({"log.email_to": "a@b.test\r\nBcc: x@y.test"}, "log.email_to"),
        ({"log.email_to": "two@b.test, three@b.test"}, "log.email_to"),
        ({"log.email_address_type": "mapi", "log.email_to": "a\x1b[31m"}, "log.email_to"),
        ({"log.email_return_address": "<>"}, "log.email_return_address"),
        ({"log.email_address_type": "fax"}, "log.email_address_type"),
    ],
)
def test_mails_about_the_log_need_an_address(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        options.changed(Options(), values)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_what_stands_for_no_address_is_none() -> None:
    chosen = options.changed(Options(), {"log.email_to": "  ", "log.email_return_address": ""})
    assert (chosen.log.email_to, chosen.log.email_return_address) == (None, None)


def test_mapi_and_retention_warn() -> None:
    mapi = {"log.email_level": "error", "log.email_address_type": "mapi", "log.email_to": "Anybody, at all"}
    assert "MAPI" in options.not_mailed(options.changed(Options(), mapi))
    assert options.not_mailed(options.changed(Options(), mapi)) in options.troubles(options.changed(Options(), mapi))[0]
    assert options.not_mailed(options.changed(Options(), {**mapi, "sending.mapi.enabled": True})) == ""
    kept = options.changed(Options(), {"log.retention_days": 30, "log.retention_entries": 1000})
    assert len(options.warnings(kept)) == 2
    assert all("cannot be undone" in warning for warning in options.warnings(kept))
    assert options.troubles(kept) == [], "what was decided on is no trouble"


@pytest.mark.parametrize("text", ["always", "Mon 8-18", "Mon 08:00-18:00 in Middle/Earth"])
def test_a_schedule_that_cannot_be_read_is_refused_and_says_why(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        options.changed(Options(), {"sending.timing.schedule": text})
    assert caught.value.problems[0].field == "sending.timing.schedule"
    assert "write" in caught.value.problems[0].message


@pytest.mark.parametrize(
    "folder", ["pickup", "./pickup", "C:pickup", "\\\\server", "/srv/../etc", "/srv/a\nb", "C:\\a\\..\\b"]
)
def test_what_is_no_full_path_is_no_pickup_folder(folder: str) -> None:
    assert refused({"sending.pickup.folder": folder}) == ["sending.pickup.folder"]


def test_local_ways_need_what_they_use() -> None:
    assert refused({"sending.method": "pickup"}) == ["sending.pickup.folder"]
    assert refused({"sending.method": "mapi"}) == ["sending.mapi.enabled"]
    pickup = options.changed(Options(), {"sending.method": "pickup", "sending.pickup.folder": " /srv/pickup "})
    assert pickup.sending.pickup.folder == "/srv/pickup"
    assert pickup.sending.is_set_up
    assert refused({"sending.pickup.folder": ""}, before=pickup) == ["sending.pickup.folder"]


@pytest.mark.spec("7: MAPI: a pause of its own")
@pytest.mark.parametrize(
    ("values", "internet", "mapi"),
    [
        ({}, False, False),
        ({"sending.smtp.host": "relay.test"}, True, False),
        ({"sending.smtp.host": "relay.test", "sending.mapi.enabled": True}, True, True),
        ({"sending.smtp.host": "relay.test", "sending.mapi.enabled": True, "sending.paused": True}, False, True),
        ({"sending.smtp.host": "relay.test", "sending.mapi.enabled": True, "sending.mapi.paused": True}, True, False),
        ({"sending.mapi.enabled": True}, False, True),
        ({"sending.mapi.enabled": True, "sending.method": "mapi"}, True, True),
        ({"sending.mapi.enabled": True, "sending.method": "mapi", "sending.mapi.paused": True}, False, False),
        ({"sending.mapi.enabled": True, "sending.method": "mapi", "sending.paused": True}, False, True),
        ({"sending.pickup.folder": "/srv/pickup", "sending.method": "pickup"}, True, False),
        ({"sending.pickup.folder": "/srv/pickup", "sending.method": "pickup", "sending.paused": True}, False, False),
    ],
)
def test_which_mail_may_leave(values: dict[str, object], internet: bool, mapi: bool) -> None:
    wanted = {kind for kind, open_ in ((MailType.internet, internet), (MailType.mapi, mapi)) if open_}
    assert options.changed(Options(), values).sending.open_types == wanted


@pytest.mark.spec("7: MAPI: choosing it warns that its prompts hinder automation and recommends SMTP")
def test_choosing_mapi_warns_and_pausing_it_is_a_trouble() -> None:
    chosen = options.changed(Options(), {"sending.mapi.enabled": True})
    assert "SMTP is recommended" in "".join(options.warnings(chosen))
    assert options.troubles(chosen) == []
    paused = options.changed(chosen, {"sending.mapi.paused": True})
    assert ["MAPI is paused" in trouble for trouble in options.troubles(paused)] == [True]
    assert not options.troubles(options.changed(Options(), {"sending.mapi.paused": True}))


def test_direct_then_smtp_needs_a_relay_and_direct_none() -> None:
    assert refused({"sending.method": "direct-then-smtp"}) == ["sending.smtp.host"]
    both = options.changed(Options(), {"sending.method": "direct-then-smtp", "sending.smtp.host": "relay.test"})
    assert refused({"sending.smtp.host": None}, before=both) == ["sending.smtp.host"]
    assert both.sending.is_set_up
    assert options.changed(Options(), {"sending.method": "direct"}).sending.is_set_up
    assert not Options().sending.is_set_up

"""Forms of options against a real server: checked while typing, applied all or none, nothing overwritten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.running import RunningServer
from trackkit.client import Server
from trackkit.domain.options import catalogue
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.forms import Form, option_form
from trackkit.widgets.sending_options import SECTIONS

PASSWORD = "a secret of the mail account"


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    return start_for_module()


@pytest.fixture
def server(shared: RunningServer) -> RunningServer:
    """One server for the module, with its defaults at the start of every test."""
    shared.admin.options.set({name: info.default for name, info in catalogue().items()})
    for user in shared.admin.users.list().users:
        if user.username != "admin":
            shared.admin.users.delete(user.username)
    return shared


@pytest.fixture
def form(server: RunningServer) -> Form:
    return option_form(server.admin, SECTIONS)


def trouble(form: Form) -> str:
    return str(form.trouble.line.value)


def value(server: RunningServer, name: str) -> object:
    return server.admin.options.get().value(name)


@pytest.mark.spec("7: Every option has a type, range, default, unit, help text, and says whether it needs a restart.")
def test_every_option_gets_its_field_from_its_declaration(server: RunningServer) -> None:
    form = option_form(server.admin, tuple(catalogue()))
    specs = {spec["name"]: spec for section in form.fields.sections for spec in section["fields"]}
    assert list(specs) == list(catalogue())
    for name, info in catalogue().items():
        assert specs[name]["label"] == info.title
        assert specs[name]["unit"] == info.unit
        assert info.help in specs[name]["help"]
        assert [choice for choice, _ in specs[name]["choices"]] == list(info.choices)
        assert ("next start" in specs[name]["help"]) is info.restart
        if info.maximum is not None:
            assert f"{info.minimum:,} to {info.maximum:,}" in specs[name]["help"]
    assert form.fields.changed == []


def test_apply_and_revert_are_enabled_only_while_something_differs(form: Form, server: RunningServer) -> None:
    assert form.apply_button.disabled
    assert form.revert_button.disabled
    form.fields.put("sending.smtp.host", "mail.example.com")
    assert form.fields.changed == ["sending.smtp.host"]
    assert "1 change not applied yet" in form.line.value
    assert not form.apply_button.disabled
    form.revert_button.click()
    assert form.fields.values["sending.smtp.host"] == ""
    assert form.apply_button.disabled
    form.fields.put("sending.smtp.host", "mail.example.com")
    form.fields.put("sending.timing.days", " 7 ")
    form.apply_button.click()
    assert trouble(form) == ""
    assert "Applied: SMTP host, Days to keep trying." in form.line.value
    assert form.apply_button.disabled
    assert form.fields.changed == []
    assert value(server, "sending.smtp.host") == "mail.example.com"
    assert value(server, "sending.timing.days") == 7
    form.fields.put("sending.smtp.host", "")
    form.apply_button.click()
    assert value(server, "sending.smtp.host") is None


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("sending.smtp.host", "two words", "no host name"),
        ("sending.smtp.port", "many", "write a whole number"),
        ("sending.smtp.port", "", "write a whole number"),
        ("sending.smtp.port", "70000", "is not between 1 and 65535"),
        ("sending.timing.days", "0", "is not between 1 and 60"),
    ],
)
def test_what_is_refused_is_said_at_its_field_before_it_is_sent(
    form: Form, server: RunningServer, name: str, typed: str, words: str
) -> None:
    before = server.admin.options.get()
    form.fields.put(name, typed)
    assert words in form.fields.messages[name]
    assert list(form.fields.messages) == [name]
    form.apply_button.click()
    assert "Nothing was applied" in form.line.value
    assert server.admin.options.get() == before
    form.revert_button.click()
    assert form.fields.messages == {}


def test_options_that_depend_on_each_other_are_refused_where_something_is_missing(form: Form) -> None:
    form.fields.put("sending.smtp.authentication", "basic")
    assert list(form.fields.messages) == ["sending.smtp.username"]
    form.fields.put("sending.smtp.username", "ada")
    assert list(form.fields.messages) == ["sending.smtp.password"]
    form.fields.put("sending.smtp.password", PASSWORD)
    assert form.fields.messages == {}
    form.fields.put("sending.method", "direct-then-smtp")
    assert list(form.fields.messages) == ["sending.smtp.host"]
    form.fields.put("sending.method", "direct")
    assert form.fields.messages == {}


@pytest.mark.spec("7: MAPI: elsewhere a clear 'needs Windows'")
def test_what_only_the_servers_machine_knows_is_said_at_its_field(form: Form, server: RunningServer) -> None:
    titles = [section["title"] for section in form.fields.sections]
    assert {"Pickup folder", "MAPI"} <= set(titles)
    form.fields.put("sending.method", "pickup")
    assert list(form.fields.messages) == ["sending.pickup.folder"]
    form.fields.put("sending.pickup.folder", "/srv/pickup")
    assert form.fields.messages == {}
    form.apply_button.click()
    assert "is not allowed" in form.fields.messages["sending.pickup.folder"]
    assert "pickup-roots" in trouble(form)
    form.revert_button.click()
    form.fields.put("sending.mapi.enabled", True)
    form.apply_button.click()
    form.asking.children[0].answer(True)
    assert "needs Windows" in form.fields.messages["sending.mapi.enabled"]
    assert value(server, "sending.mapi.enabled") is False


def test_what_only_the_server_refuses_is_said_at_its_field_too(start: Start) -> None:
    open_to_all = start(arguments=("--address", "0.0.0.0"))
    form = option_form(open_to_all.admin, ("server.encrypt", "server.port"))
    form.fields.put("server.encrypt", False)
    assert form.fields.messages == {}
    form.apply_button.click()
    assert "cannot be switched off" in form.fields.messages["server.encrypt"]
    assert "allow-plain" in trouble(form)
    assert value(open_to_all, "server.encrypt") is True
    assert form.fields.values["server.encrypt"] is False


@pytest.mark.spec("7: password (write-only, stored encrypted; reveal while typing)")
def test_a_password_is_never_shown_and_empty_leaves_it(form: Form, server: RunningServer) -> None:
    name = "sending.smtp.password"
    form.fields.put("sending.smtp.encryption", "tls")
    form.fields.put("sending.smtp.authentication", "basic")
    form.fields.put("sending.smtp.username", "ada")
    form.fields._handle_custom_msg({"secret": name, "typed": PASSWORD}, [])
    assert 'getpass("Mail account password: ")' in form.code.code
    assert PASSWORD not in str(form.fields.get_state()), "a notebook that is saved now would hold it"
    form.apply_button.click()
    assert trouble(form) == ""
    assert form.fields.values[name] == ""
    assert form.fields.is_set.count(name) == 1
    assert PASSWORD not in str(form.fields.get_state()) + form.code.code + form.line.value

    form.fields.put("sending.smtp.username", "bob")
    form.apply_button.click()
    assert next(o for o in server.admin.options.get().options if o.name == name).is_set

    form.fields.removed = [name]
    assert "is needed for authentication" in form.fields.messages[name]
    form.fields.put("sending.smtp.authentication", "anonymous")
    form.apply_button.click()
    assert not next(o for o in server.admin.options.get().options if o.name == name).is_set
    assert form.fields.removed == []


def visible(form: Form, prefix: str) -> set[str]:
    return {name.removeprefix(prefix) for name in form.names if name.startswith(prefix)} - {
        name.removeprefix(prefix) for name in form.fields.hidden
    }


@pytest.mark.spec("7: authentication: anonymous, basic, NTLM, OAuth 2: the form shows what each needs")
def test_only_what_matters_is_shown(form: Form) -> None:
    log_in = {"authentication", "username", "password"}

    def shown() -> tuple[set[str], bool]:
        tokens = visible(form, "sending.oauth2.")
        assert tokens in (set(), {"token_url", "client_id", "client_secret", "refresh_token", "scope"})
        return visible(form, "sending.smtp.") & log_in, bool(tokens)

    assert shown() == ({"authentication"}, False)
    for how, fields, tokens in (
        ("basic", log_in, False),
        ("ntlm", log_in, False),
        ("oauth2", {"authentication", "username"}, True),
    ):
        form.fields.put("sending.smtp.authentication", how)
        assert shown() == (fields, tokens), how
    form.fields.put("sending.smtp.authentication", "anonymous")
    assert visible(form, "sending.pop_before_smtp.") == {"enabled"}
    form.fields.put("sending.pop_before_smtp.enabled", True)
    assert len(visible(form, "sending.pop_before_smtp.")) == 6
    form.fields.put("sending.pop_before_smtp.enabled", False)
    form.fields.put("sending.method", "direct")
    assert visible(form, "sending.pop_before_smtp.") == set()
    assert visible(form, "sending.smtp.") == {
        "one_message_per_connection",
        "connect_timeout",
        "conversation_timeout",
    }


def test_what_is_typed_or_set_is_shown_although_it_does_not_matter(form: Form, server: RunningServer) -> None:
    """Else a person would apply, or leave, what nobody can see."""
    form.fields.put("sending.smtp.authentication", "basic")
    form.fields.put("sending.smtp.username", "ada")
    form.fields.put("sending.smtp.password", PASSWORD)
    form.fields.put("sending.smtp.encryption", "tls")
    form.fields.put("sending.smtp.authentication", "anonymous")
    assert {"username", "password"} <= visible(form, "sending.smtp.")
    form.apply_button.click()
    assert trouble(form) == ""
    assert visible(form, "sending.smtp.") & {"username", "password"} == {"password"}
    form.fields.removed = ["sending.smtp.password"]
    form.apply_button.click()
    assert "password" not in visible(form, "sending.smtp.")


@pytest.mark.parametrize(("encryption", "port"), [("tls", "995"), ("starttls", None), ("none", None)])
def test_the_usual_port_of_pop_is_proposed(form: Form, encryption: str, port: str | None) -> None:
    typed = {"enabled": True, "host": "pop.test", "username": "ada", "password": PASSWORD, "encryption": encryption}
    for name, text in typed.items():
        form.fields.put(f"sending.pop_before_smtp.{name}", text)
    proposed = form.fields.proposals.get("sending.pop_before_smtp.port")
    assert (proposed and proposed["value"]) == port


@pytest.mark.spec("7: choosing one proposes 25 / 587 / 465")
@pytest.mark.parametrize(("encryption", "port"), [("starttls", "587"), ("tls", "465"), ("none", None)])
def test_the_usual_port_is_proposed_and_never_put_in(form: Form, encryption: str, port: str | None) -> None:
    form.fields.put("sending.smtp.encryption", encryption)
    proposed = form.fields.proposals.get("sending.smtp.port")
    assert (proposed and proposed["value"]) == port
    assert form.fields.values["sending.smtp.port"] == "25"
    form.fields.put("sending.smtp.port", "2525")
    assert form.fields.proposals == {}


@pytest.mark.spec("7: Pausing warns that mail piles up and is meant for troubleshooting")
@pytest.mark.spec("7: A password over an unencrypted connection must be confirmed")
def test_warnings_are_asked_and_no_changes_nothing(form: Form, server: RunningServer) -> None:
    for name, typed in {
        "sending.paused": True,
        "sending.smtp.encryption": "none",
        "sending.smtp.authentication": "basic",
        "sending.smtp.username": "ada",
        "sending.smtp.password": PASSWORD,
    }.items():
        form.fields.put(name, typed)
    form.apply_button.click()
    (question,) = form.asking.children
    assert "mail piles up" in question.question
    assert "unencrypted" in question.question
    assert "Apply 5 changes all the same?" in question.question
    question.answer(False)
    assert value(server, "sending.paused") is False
    assert form.asking.children == ()
    assert not form.apply_button.disabled
    form.apply_button.click()
    form.asking.children[0].answer(True)
    assert value(server, "sending.paused") is True

    form.fields.put("sending.timing.days", "6")
    form.apply_button.click()
    assert form.asking.children == ()
    assert value(server, "sending.timing.days") == 6


@pytest.fixture
def bob(server: RunningServer) -> Iterator[Server]:
    """Another administrator."""
    server.admin.users.add("bob", "admin", "bob's password")
    with server.connect("bob", "bob's password") as bob:
        yield bob


@pytest.mark.spec("7: Two administrators changing the same group: the second is told, nothing is silently overwritten.")
@pytest.mark.parametrize("keep", [True, False], ids=["keep mine", "take theirs"])
def test_another_administrators_change_is_shown_and_never_overwritten_unasked(
    form: Form, server: RunningServer, bob: Server, keep: bool
) -> None:
    form.fields.put("sending.smtp.host", "mine.example.com")
    form.fields.put("sending.timing.days", "9")
    bob.options.set({"sending.smtp.host": "theirs", "sending.timing.connections": 6})
    form.apply_button.click()
    told, choice = form.asking.children
    assert "changed by bob" in told.value
    assert "SMTP host: was (none), is now theirs; yours: mine.example.com" in told.value
    assert "Simultaneous connections: was 4, is now 6" in told.value
    assert value(server, "sending.smtp.host") == "theirs"
    assert value(server, "sending.timing.days") == 5

    take, keep_mine = choice.children
    assert (take.description, keep_mine.description) == ("Take theirs", "Keep mine and apply again")
    (keep_mine if keep else take).click()
    assert form.asking.children == ()
    assert form.fields.values["sending.timing.connections"] == "6"
    if keep:
        assert value(server, "sending.smtp.host") == "mine.example.com"
        assert value(server, "sending.timing.days") == 9
        assert form.fields.changed == []
    else:
        assert form.fields.values["sending.smtp.host"] == "theirs"
        assert form.fields.changed == ["sending.timing.days"]
        form.apply_button.click()
        assert value(server, "sending.timing.days") == 9
    assert value(server, "sending.timing.connections") == 6


def test_a_change_elsewhere_in_the_group_is_told_too(form: Form, server: RunningServer, bob: Server) -> None:
    form.fields.put("sending.timing.days", "9")
    bob.options.set({"sending.timing.connections": 6})
    form.apply_button.click()
    told, choice = form.asking.children
    assert "Simultaneous connections: was 4, is now 6" in told.value
    choice.children[1].click()
    assert value(server, "sending.timing.days") == 9
    assert value(server, "sending.timing.connections") == 6


def test_keeping_mine_meets_a_third_change(form: Form, server: RunningServer, bob: Server) -> None:
    form.fields.put("sending.timing.days", "9")
    bob.options.set({"sending.timing.days": 2})
    form.apply_button.click()
    bob.options.set({"sending.timing.days": 3})
    form.asking.children[1].children[1].click()
    assert "was 2, is now 3; yours: 9" in form.asking.children[0].value
    assert value(server, "sending.timing.days") == 3


@pytest.mark.spec("7: A port or encryption change says that a restart is needed")
def test_what_waits_for_a_restart_is_said_until_it_has_happened(server: RunningServer) -> None:
    form = option_form(server.admin, ("server.port", "server.admin_idle_minutes"))
    form.fields.put("server.port", "9999")
    form.apply_button.click()
    assert "Port: Takes effect at the server&#x27;s next start" in form.line.value
    assert "clients' connections must be edited" in form.fields.sections[0]["fields"][0]["help"].lower()
    again = option_form(server.admin, ("server.port",))
    assert "Port: Takes effect at the server&#x27;s next start" in again.line.value


def test_the_form_as_python_does_the_same(form: Form, server: RunningServer) -> None:
    assert form.code.code.endswith("server.options.get()")
    form.fields.put("sending.smtp.host", "mail.example.com")
    form.fields.put("sending.smtp.one_message_per_connection", True)
    code = form.code.code
    exec(code, {})
    assert value(server, "sending.smtp.host") == "mail.example.com"
    assert value(server, "sending.smtp.one_message_per_connection") is True


def test_the_server_restarts_while_the_form_is_filled_in(start: Start) -> None:
    server = start()
    form = option_form(server.admin, SECTIONS)
    form.fields.put("sending.smtp.host", "mail.example.com")
    admin = server.admin
    server.kill()
    form.apply_button.click()
    assert 'role="alert"' in trouble(form)
    assert form.fields.values["sending.smtp.host"] == "mail.example.com"
    assert not form.apply_button.disabled
    server.restart()
    form.apply_button.click()
    assert trouble(form) == ""
    assert admin.options.get().value("sending.smtp.host") == "mail.example.com"


def test_an_answer_that_was_lost_is_no_conflict_with_oneself(form: Form, server: RunningServer) -> None:
    """The change got through and its answer did not: applying again finds it done."""
    form.fields.put("sending.smtp.host", "mail.example.com")
    server.admin.options.set({"sending.smtp.host": "mail.example.com"})
    form.apply_button.click()
    assert form.asking.children == ()
    assert "Applied: SMTP host." in form.line.value
    assert form.apply_button.disabled


@pytest.mark.spec("6: A changed password or role, or deletion, ends that user's sessions")
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_a_session_that_ended_is_opened_again_and_what_was_typed_is_there(
    server: RunningServer, bob: Server, role: str
) -> None:
    form = option_form(bob, SECTIONS)
    form.fields.put("sending.smtp.host", "mail.example.com")
    server.admin.users.edit("bob", role=role, password="another password")
    form.apply_button.click()
    assert "Log in, then do it again" in trouble(form)
    _, again = form.trouble.widget.children
    fields, wrong, actions = again.children
    assert fields.values["username"] == "bob"
    (log_in,) = actions.children
    log_in.click()
    assert 'role="alert"' in wrong.children[0].value
    fields.put("password", "another password")
    log_in.click()
    assert trouble(form) == ""
    assert len(form.trouble.widget.children) == 1
    form.apply_button.click()
    if role == "admin":
        assert value(server, "sending.smtp.host") == "mail.example.com"
    else:
        assert "role" in trouble(form)
        assert value(server, "sending.smtp.host") is None
        assert form.fields.values["sending.smtp.host"] == "mail.example.com"


def test_who_may_not_change_options_can_look(server: RunningServer) -> None:
    server.admin.users.add("ada", "viewer", "ada's password")
    with server.connect("ada", "ada's password") as ada:
        form = option_form(ada, SECTIONS)
        assert form.fields.disabled
        assert "Only an admin" in form.line.value
        form.fields.put("sending.smtp.host", "mail.example.com")
        assert form.apply_button.disabled
        form.apply()
    assert value(server, "sending.smtp.host") is None


def test_what_is_typed_is_known_before_the_widgets_state_arrives() -> None:
    """ipywidgets holds state back while a kernel is busy; a click comes at once and must not find old values."""
    fields = Fields(
        [Section("", (Field("username", "User name"), Field("password", "Password", "secret")))],
        {"username": "admin", "password": ""},
    )
    fields._handle_custom_msg({"plain": "username", "typed": "grace"}, [])
    fields._handle_custom_msg({"secret": "password", "typed": PASSWORD}, [])
    assert fields.values == {"username": "grace", "password": PASSWORD}
    fields._handle_custom_msg({"plain": "password", "typed": "not this way"}, [])
    fields._handle_custom_msg({"plain": "nothing", "typed": "x"}, [])
    assert fields.values == {"username": "grace", "password": PASSWORD}
    assert "password" not in fields.shown


def test_what_is_put_in_stays_when_the_page_sends_an_older_state() -> None:
    """The page tells of a choice twice: at once, and in its whole state, which may come after the form has reacted."""
    fields = Fields([Section("", (Field("template", "Template"), Field("subject", "Subject")))], {})
    fields._handle_custom_msg({"plain": "template", "typed": "Standard"}, [])
    assert fields.values == {"template": "Standard"}, "also a field that had no value"
    fields.values = {**fields.values, "subject": "It stops"}
    fields.set_state({"shown": {"template": "Standard", "subject": ""}})
    assert fields.values == fields.shown == {"template": "Standard", "subject": "It stops"}

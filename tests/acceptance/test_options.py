"""Server options through a running server, as administrators change them: by name, as a file, and back again."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.acceptance.conftest import PASSWORD, House
from tests.contract.wire import stranger
from tests.unit.cli_runs import run
from tests.unit.test_domain_options import LOGIN, MAIL, METHOD, valid_values
from trackkit.client import Server
from trackkit.contract.options import Plan
from trackkit.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotLoggedIn
from trackkit.domain.options import catalogue

HEAD = 'kind = "trackkit server options"\nformat = 1\n'
CANARY = "canary-secret-4711"
PLAIN = {name: info.default for name, info in catalogue().items()}


@pytest.fixture
def admin(house: House) -> Server:
    """The built-in admin of a server whose options have their defaults."""
    house.admin.options.set(PLAIN)
    return house.admin


@contextmanager
def somebody(house: House, role: str) -> Iterator[Server]:
    """Another user of that role, over the network."""
    name = f"another {role}"
    if name not in [user.username for user in house.admin.users.list().users]:
        house.admin.users.add(name, role, PASSWORD)
    with house.server.connect(name, PASSWORD) as server:
        yield server


def words(plan: Plan) -> dict[str, tuple[str, str]]:
    """What would change, from what to what."""
    return {change.name: (change.before, change.after) for change in plan.changes}


@pytest.mark.spec("7: options: a type, range, default, unit, help text, and whether a restart is needed, for each")
@pytest.mark.spec("7: options: declared once, validated once, shown everywhere the same")
def test_every_option_is_the_same_everywhere(admin: Server, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKKIT_DATA", str(house.server.data))
    state = admin.options.get()
    assert [option.name for option in state.options] == list(catalogue())
    listed = run("options", "list").out
    explained = run("options", "explain").out
    for name, info in catalogue().items():
        assert name in listed
        assert name in explained
        shown = run("options", "explain", name).out
        flat = " ".join(shown.split())
        assert info.title in flat
        assert info.help in flat, f"{name} is not documented"
        assert info.help
        assert info.unit in flat
        assert f"Needs restart {'yes' if info.restart else 'no'}" in flat
        if info.kind == "number":
            assert f"{info.minimum} to {info.maximum}" in flat
            for bad in (info.minimum - 1, info.maximum + 1):
                with pytest.raises(InvalidInput) as refused:
                    admin.options.set({name: bad})
                assert f"{info.minimum} and {info.maximum}" in refused.value.problems[0].message
                assert f"{info.minimum} and {info.maximum}" in run("options", "set", f"{name}={bad}").err
                with pytest.raises(InvalidInput, match=name):
                    admin.options.plan(f"{HEAD}{name} = {bad}\n")
    assert admin.options.get() == state


@pytest.mark.spec("7: server: port; --port wins over the stored option and says so")
def test_the_port_given_at_the_start_wins_and_says_so(admin: Server, house: House) -> None:
    port = house.server.port
    note = admin.options.get().notes["server.port"]
    assert f"--port {port}" in note
    assert "wins" in note
    assert admin.log.list(text=f"The port {port} given at the start wins").total == 1
    assert "server.port" not in admin.options.set({"server.port": port}).notes or (
        "wins" not in admin.options.get().notes["server.port"]
    )


@pytest.mark.spec("7: server: a port or encryption change says that a restart is needed and connections must be edited")
def test_a_change_of_port_or_encryption_says_what_it_needs(
    admin: Server, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = admin.options.set({"server.port": 9000, "server.encrypt": False})
    for name, how in (("server.port", "port 9000"), ("server.encrypt", "not encrypted")):
        assert "next start" in state.notes[name]
        assert "connections must be edited" in state.notes[name]
        assert how in state.notes[name]
    assert {option.name for option in state.options if option.restart_needed} == {"server.port", "server.encrypt"}
    back = admin.options.set({"server.encrypt": True})
    assert "server.encrypt" not in back.notes
    assert "9001" in admin.options.plan(HEAD + "[server]\nport = 9001\n").notes["server.port"]
    monkeypatch.setenv("TRACKKIT_DATA", str(house.server.data))
    said = run("options", "set", "server.port=9002").err
    assert "next start" in said
    assert "connections must be edited" in said


@pytest.mark.parametrize("port", [1, 65535])
def test_a_port_within_bounds(admin: Server, port: int) -> None:
    assert admin.options.set({"server.port": port}).value("server.port") == port


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_out_of_bounds(admin: Server, port: int) -> None:
    with pytest.raises(InvalidInput, match="between 1 and 65535"):
        admin.options.set({"server.port": port})
    with pytest.raises(InvalidInput, match="between 1 and 65535"):
        admin.options.apply(f"{HEAD}[server]\nport = {port}\n")
    assert admin.options.get().value("server.port") == 8470


@pytest.mark.parametrize("length", [0, 1, 65])
def test_a_text_on_the_log_in_page(admin: Server, house: House, length: int) -> None:
    admin.options.set({"server.login_text": "ä" * length})
    told = stranger(house.server).ask("server.info", {}).body["login_text"]
    assert told == "ä" * length, "without a log-in"


@pytest.mark.parametrize("length", [66, 65535, 65536])
def test_too_long_a_text_for_the_log_in_page(admin: Server, length: int) -> None:
    with pytest.raises(InvalidInput, match="longer than 65 characters"):
        admin.options.set({"server.login_text": "x" * length})
    assert admin.options.get().value("server.login_text") == ""


def test_the_text_is_cleaned(admin: Server) -> None:
    state = admin.options.set({"server.login_text": " One\r\n\ttwo\x1b[31m\u202ethree\x00 <b>&amp; "})
    assert state.value("server.login_text") == "One two[31mthree <b>&amp;"


@pytest.mark.spec("7: server: idle time-outs of web, API, native clients and admin sessions, really in force")
def test_each_kind_of_session_has_its_own_time_out(admin: Server, house: House) -> None:
    minutes = {"web": 10, "api": 20, "native": 40}
    admin.options.set({f"server.{kind}_idle_minutes": value for kind, value in minutes.items()})
    admin.options.set({"server.admin_idle_minutes": 45})
    name = house.make("idle kinds")
    projects = {kind: admin.project(name, "administrator", PASSWORD, client=kind) for kind in minutes}
    with somebody(house, "viewer") as viewer:
        _forget_for(house, minutes=30)
        for kind in ("web", "api"):
            with pytest.raises(NotLoggedIn):
                projects[kind].session()
        assert projects["native"].session().username == "administrator"
        assert viewer.session().username == "another viewer"
        _forget_for(house, minutes=46)
        for session in (projects["native"].session, viewer.session):
            with pytest.raises(NotLoggedIn):
                session()


@pytest.mark.spec("7: server: an automatic refresh is not activity")
def test_an_automatic_refresh_keeps_no_session_alive(admin: Server, house: House) -> None:
    admin.options.set({"server.admin_idle_minutes": 60})
    with somebody(house, "viewer") as busy, somebody(house, "operator") as idle:
        _forget_for(house, minutes=40)
        with idle.automatic():
            idle.mail.list()
        busy.mail.list()
        _forget_for(house, minutes=40)
        busy.mail.list()
        with pytest.raises(NotLoggedIn), idle.automatic():
            idle.mail.list()


def _forget_for(house: House, minutes: int) -> None:
    """Let every session be unused for so much longer; that of the built-in admin is not touched."""
    past = int(timedelta(minutes=minutes) / timedelta(microseconds=1))
    house.sql(f"UPDATE project_sessions SET last_used_at = last_used_at - {past}")
    others = "user_id <> (SELECT id FROM users WHERE name = 'admin')"
    house.sql(f"UPDATE sessions SET last_used_at = last_used_at - {past} WHERE {others}")


@pytest.mark.spec("7: options as a file: export; secrets never leave in it")
def test_a_file_holds_what_differs_and_no_secret(admin: Server) -> None:
    admin.options.set({"sending.smtp.host": "mail.example.org", "sending.smtp.password": CANARY})
    exported = admin.options.export()
    assert exported.secrets == ("sending.smtp.password",)
    assert "sending.smtp.password" in exported.text, "it says which there are"
    assert 'host = "mail.example.org"' in exported.text
    assert "port" not in exported.text.replace("export", "")
    assert "format = 1" in exported.text
    whole = admin.options.export(everything=True).text
    assert CANARY not in exported.text + whole
    assert "admin_idle_minutes = 60" in whole


ELSEWHERE = ("sending.mapi.enabled", "sending.pickup.folder")
"""What is refused on this machine: it needs Windows, or a root that the machine names."""
TOGETHER = (*LOGIN, *MAIL, *METHOD, *ELSEWHERE)
ALONE = [info for name, info in catalogue().items() if name not in TOGETHER and not info.secret]
MAILED = st.sampled_from([{}, {"log.email_level": "error", "log.email_to": "a@example.org"}])
ANY_VALUES = st.builds(
    lambda alone, mailed: {**alone, **mailed},
    st.fixed_dictionaries({}, optional={info.name: valid_values(info) for info in ALONE}),
    MAILED,
)


@pytest.mark.spec("7: options as a file: export, apply and export again give the same")
def test_export_apply_export(house: House) -> None:
    options = house.admin.options

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(ANY_VALUES, ANY_VALUES)
    def same(values: dict[str, object], others: dict[str, object]) -> None:
        options.set({**PLAIN, **values})
        brief, whole = options.export().text, options.export(everything=True).text
        options.set({**PLAIN, **others})
        options.apply(whole)
        assert options.export(everything=True).text == whole
        assert options.plan(whole).changes == ()
        options.set(PLAIN)
        options.apply(brief)
        assert (options.export().text, options.export(everything=True).text) == (brief, whole)

    same()


@pytest.mark.spec("7: options as a file: plan says what would change and changes nothing")
def test_a_plan_changes_nothing(admin: Server, house: House) -> None:
    admin.options.set({"sending.smtp.host": "old.example.org"})
    before, audited = admin.options.get(), admin.audit.list(limit=1).records
    file = HEAD + '[sending]\npaused = true\n[sending.smtp]\nhost = "new.example.org"\npassword = "env:NOT_SET_HERE"\n'
    plan = admin.options.plan(file + "[server]\nport = 9100\n")
    assert words(plan) == {
        "sending.paused": ("no", "yes"),
        "sending.smtp.host": ("old.example.org", "new.example.org"),
        "sending.smtp.password": ("none", "from env:NOT_SET_HERE"),
        "server.port": ("8470", "9100"),
    }
    assert [change.name for change in plan.changes if change.restart] == ["server.port"]
    assert "piles up" in plan.warnings[0]
    assert "connections must be edited" in plan.notes["server.port"]
    assert (admin.options.get(), admin.audit.list(limit=1).records) == (before, audited)
    with somebody(house, "viewer") as viewer:
        assert viewer.options.plan(file).changes == plan.changes[:3]
        with pytest.raises(NotAllowed):
            viewer.options.apply(HEAD)


@pytest.mark.spec("7: options as a file: apply changes all or none, what it does not name stays")
def test_a_file_is_applied_whole_or_not_at_all(admin: Server, tmp_path: Path) -> None:
    admin.options.set({"sending.timing.days": 9})
    file = tmp_path / "options.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (HEAD + "[sending.smtp]\r\nport = 587\r\n").encode())
    state = admin.options.apply(file)
    assert (state.value("sending.smtp.port"), state.value("sending.timing.days")) == (587, 9)
    with pytest.raises(InvalidInput) as refused:
        admin.options.apply(HEAD + "[sending.smtp]\nport = 25\nconnect_timeout = 0\n[sending.timing]\ndays = 61\n")
    assert {one.field for one in refused.value.problems} == {"sending.smtp.connect_timeout", "sending.timing.days"}
    assert admin.options.get().value("sending.smtp.port") == 587
    record = admin.audit.list(limit=1).records[0]
    assert (record.operation, record.after) == ("options.apply", {"sending.smtp.port": "587"})


@pytest.mark.spec("7: options as a file: a bad one is refused with the reason, and nothing is changed")
@pytest.mark.parametrize(
    ("file", "field", "reason"),
    [
        (HEAD + "[sending.smtp]\nhots = 'x'\n", "sending.smtp.hots", "sending.smtp.host"),
        (HEAD + "sending = 5\n", "sending", "group"),
        (HEAD + "[sending.smtp.port]\nx = 1\n", "sending.smtp.port", "neither text"),
        (HEAD + "[elsewhere]\n", "elsewhere", "not the name"),
        (HEAD + "[sending.smtp]\nport = '25'\n", "sending.smtp.port", "whole number"),
        (HEAD + "[sending.smtp]\nport = 25.0\n", "sending.smtp.port", "neither text"),
        (HEAD + "[sending.smtp]\nport = [25]\n", "sending.smtp.port", "neither text"),
        (HEAD + "[sending.smtp]\nport = 1979-05-27\n", "sending.smtp.port", "neither text"),
        (HEAD + f"[sending.smtp]\nport = {2**70}\n", "sending.smtp.port", "between 1 and 65535"),
        (HEAD + "[sending]\npaused = 1\n", "sending.paused", "yes nor no"),
        (HEAD + "[sending.smtp]\nencryption = 'ssl'\n", "sending.smtp.encryption", "starttls"),
        (HEAD + "[sending.smtp]\nport = 25\nport = 26\n", "file", "twice"),
        (HEAD + '"server.port" = 25\n[server]\nport = 26\n', "server.port", "twice"),
        (HEAD + "[sending.smtp]\nauthentication = 'basic'\n", "sending.smtp.username", "needed"),
        (HEAD + "x = " + "[\n" * 20_000, "file", "nested"),
        (HEAD + "a." * 20_000 + "b = 1\n", "file", "line 3"),
        (HEAD + "#" * 262_144, "file", "262,144"),
        (HEAD.replace("1", "0"), "format", "older"),
        (HEAD.replace("1", "2"), "format", "newer"),
        (HEAD.replace("1", "true"), "format", "whole number"),
        ('kind = "trackkit server options"\n', "format", "missing"),
        ("format = 1\n", "kind", "no options file"),
        ("", "kind", "no options file"),
        ("{}", "file", "not TOML"),
        ("\x00", "file", "not TOML"),
    ],
)
def test_a_bad_file_is_refused(admin: Server, file: str, field: str, reason: str) -> None:
    before = admin.options.get()
    for ask in (admin.options.plan, admin.options.apply):
        with pytest.raises(InvalidInput) as refused:
            ask(file)
        told = {one.field: one.message for one in refused.value.problems}
        assert reason in told[field] + refused.value.advice
    assert admin.options.get() == before


@pytest.mark.spec("7: options as a file: a secret in the open is refused and not repeated")
def test_a_secret_in_a_file_is_refused(admin: Server, house: House) -> None:
    before = admin.options.get()
    for value in (f'"{CANARY}"', f'"secret:{CANARY}"', f"['{CANARY}']", "4711"):
        with pytest.raises(InvalidInput, match="must not stand in a file") as refused:
            admin.options.apply(f"{HEAD}[sending.smtp]\npassword = {value}\n")
        assert CANARY not in str(refused.value)
    assert admin.options.get() == before
    assert CANARY not in house.server.stderr


@pytest.mark.spec("13: secrets by reference: an options file's are resolved by whoever applies it, never by the server")
def test_references_are_resolved_by_who_applies(
    admin: Server, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def file(reference: str) -> str:
        return f'{HEAD}[sending.smtp]\nusername = "u"\nauthentication = "basic"\npassword = "{reference}"\n'

    place = tmp_path / "password"
    for reference in ("env:MAIL_PASSWORD", f"file:{place}", "keyring:trackkit/u"):
        with pytest.raises(InvalidInput, match="was to come from"):
            admin.options.apply(file(reference))
    assert admin.options.get().value("sending.smtp.username") is None

    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    state = admin.options.apply(file("env:MAIL_PASSWORD"))
    assert {o.name: (o.value, o.is_set) for o in state.options}["sending.smtp.password"] == (None, True)
    place.write_text("another one\n")
    admin.options.apply(file(f"file:{place}"))
    assert "sending.smtp.password" in [c.name for c in admin.options.history(limit=1).sets[0].changes]
    admin.options.apply(f'{HEAD}[sending.smtp]\nauthentication = "anonymous"\npassword = ""\n')
    assert admin.options.export().secrets == (), "an empty text removes it"

    http, token = stranger(house.server), _token(house)
    for secrets in ({}, {"sending.smtp.password": ""}, {"sending.smtp.host": "x"}):
        answer = http.ask("options.apply", {"text": file("file:/etc/hostname"), "secrets": secrets}, token)
        assert answer.code == "invalid_input", "the server opens no file of its own for anybody"
        assert answer.fields & {"sending.smtp.password", "secrets.sending.smtp.host"}


def _token(house: House) -> str:
    with somebody(house, "admin"):
        pass
    opened = stranger(house.server).ask("session.open", {"username": "another admin", "password": PASSWORD})
    return str(opened.body["token"])


@pytest.mark.spec("7: options: a history of changes with who and when")
def test_the_history_says_who_changed_what(admin: Server, house: House) -> None:
    with somebody(house, "admin") as other:
        other.options.set({"sending.timing.days": 7, "sending.smtp.password": CANARY})
    newest = admin.options.history(limit=1).sets[0]
    assert (newest.username, newest.client_address, newest.operation) == ("another admin", "127.0.0.1", "options.set")
    assert {c.name: (c.before, c.after) for c in newest.changes} == {
        "sending.timing.days": (5, 7),
        "sending.smtp.password": ("none", "changed"),
    }
    admin.options.set({"sending.timing.days": 7})
    assert admin.options.history(limit=1).sets[0] == newest, "what changes nothing leaves nothing"
    frame = admin.options.history_frame(limit=1)
    assert set(frame["option"]) == {"sending.timing.days", "sending.smtp.password"}
    assert CANARY not in frame.to_csv()
    page = admin.options.history(limit=2)
    assert page.next_before == page.sets[-1].change_id
    assert admin.options.history(page.next_before, 1).sets[0].change_id < page.next_before
    with somebody(house, "viewer") as viewer:
        assert viewer.options.history(limit=1).sets == (newest,)


@pytest.mark.spec("7: options: revert puts the old values back as a new change")
def test_a_change_is_reverted(admin: Server) -> None:
    admin.options.set({"sending.timing.days": 6})
    admin.options.set({"sending.timing.days": 8, "server.port": 9200, "sending.smtp.password": CANARY})
    change_id = admin.options.history(limit=1).sets[0].change_id
    plan = admin.options.plan_revert(change_id)
    assert words(plan) == {"sending.timing.days": ("8", "6"), "server.port": ("9200", "8470")}
    assert (plan.left_out, plan.conflicts) == (("sending.smtp.password",), ())
    state = admin.options.revert(change_id, plan.revisions)
    assert (state.value("sending.timing.days"), state.value("server.port")) == (6, 8470)
    assert "sending.smtp.password" in admin.options.export().secrets, "a secret stays as it is"
    newest = admin.options.history(limit=1).sets[0]
    assert (newest.operation, newest.reverts) == ("options.revert", change_id)
    assert admin.audit.list(limit=1).records[0].operation == "options.revert"
    admin.options.revert(newest.change_id)
    assert admin.options.get().value("sending.timing.days") == 8, "a revert can be reverted, too"


def test_what_cannot_be_reverted_says_why(admin: Server) -> None:
    admin.options.set({"sending.smtp.password": CANARY})
    change_id = admin.options.history(limit=1).sets[0].change_id
    for ask in (admin.options.plan_revert, admin.options.revert):
        with pytest.raises(InvalidInput, match="old secrets are not kept"):
            ask(change_id)
        with pytest.raises(NotFound):
            ask(2**63 - 1)


@pytest.mark.spec("7: options: who reverts is told before what somebody changed since")
def test_a_revert_over_a_newer_change_is_told_before(admin: Server, house: House) -> None:
    admin.options.set({"sending.timing.days": 6, "sending.timing.connections": 6})
    change_id = admin.options.history(limit=1).sets[0].change_id
    with somebody(house, "admin") as other:
        other.options.set({"sending.timing.days": 30})
    (conflict,) = admin.options.plan_revert(change_id).conflicts
    assert "sending.timing.days was changed to 30 by another admin" in conflict
    with pytest.raises(Conflict, match="30 by another admin"):
        admin.options.revert(change_id)
    assert admin.options.get().value("sending.timing.connections") == 6
    state = admin.options.revert(change_id, anyway=True)
    assert (state.value("sending.timing.days"), state.value("sending.timing.connections")) == (5, 4)


@pytest.mark.spec("7: two administrators changing the same group: the second is told, nothing is silently overwritten")
def test_the_second_administrator_is_told(admin: Server, house: House) -> None:
    admin.options.set({"sending.timing.days": 6})
    change_id = admin.options.history(limit=1).sets[0].change_id
    seen = {"sending": admin.options.get().revisions["sending"]}
    file = HEAD + "[sending.timing]\ndays = 9\n"
    plan, revert = admin.options.plan(file), admin.options.plan_revert(change_id)
    with somebody(house, "admin") as other:
        other.options.set({"sending.timing.connections": 9})
        other.options.set({"log.startup_log": True})
    for late in (
        lambda: admin.options.set({"sending.timing.days": 9}, seen),
        lambda: admin.options.apply(file, plan.revisions),
        lambda: admin.options.revert(change_id, revert.revisions),
    ):
        with pytest.raises(Conflict, match="changed by another admin meanwhile"):
            late()
    assert admin.options.get().value("sending.timing.days") == 6
    admin.options.apply(file, admin.options.plan(file).revisions)
    assert admin.options.get().value("sending.timing.days") == 9


@pytest.mark.spec("7: secret options: write-only")
def test_a_secret_is_never_read_back(admin: Server, house: House) -> None:
    admin.options.set({"sending.smtp.password": CANARY})
    with httpx.Client(base_url=house.server.url, verify=False, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {_token(house)}"}
        for path in ("options", "options/file?everything=true", "options/changes", "audit", "log", "server/health"):
            answer = http.get(f"/api/v1/{path}", headers=headers)
            assert answer.status_code == 200
            assert CANARY not in answer.text
    state = admin.options.get()
    admin.options.set({o.name: o.value for o in state.options if not catalogue()[o.name].secret})
    assert "sending.smtp.password" in admin.options.export().secrets, "a round trip overwrites no secret"


@pytest.mark.spec("7: secret options: stored encrypted under a key file that only its owner can read")
def test_secrets_are_encrypted_at_rest(admin: Server, house: House) -> None:
    admin.options.set({"sending.smtp.password": CANARY})
    key = house.server.data / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for file in house.server.data.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
    if house.postgres is not None:
        import psycopg

        with psycopg.connect(house.server.database_url or "") as connection:
            (stored,) = connection.execute(
                "SELECT encode(sealed, 'escape') FROM option_values WHERE name = 'sending.smtp.password'"
            ).fetchone() or ("",)
            assert stored
            assert CANARY not in stored


@pytest.mark.spec("7: options as a file: on the command line")
def test_files_and_history_on_the_command_line(
    admin: Server, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKKIT_DATA", str(house.server.data))
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    file = tmp_path / "options.toml"
    admin.options.set({"sending.timing.days": 6})
    assert run("options", "export", str(file)).code == 0
    assert "days = 6" in file.read_text()
    assert "exists already" in run("options", "export", str(file)).err
    assert run("options", "export", "--everything").out.startswith("# Options of a trackkit server")

    file.write_text(file.read_text().replace("6", "7") + '[sending.smtp]\npassword = "env:MAIL_PASSWORD"\n')
    planned = run("options", "plan", str(file))
    assert planned.code == 0
    assert "sending.timing.days" in planned.out
    assert admin.options.get().value("sending.timing.days") == 6
    asked = run("options", "apply", str(file))
    assert asked.code == 2
    assert "Change 2 options?" in asked.err
    assert admin.options.get().value("sending.timing.days") == 6
    done = run("options", "apply", str(file), "--yes")
    assert "Changed 2 options." in done.out
    assert CANARY not in done.out + done.err
    assert "Nothing would change." in run("options", "plan", "-", stdin=HEAD + "[sending.timing]\ndays = 7\n").out

    (change, *_) = json.loads(run("options", "history", "--json").out)
    assert [one["name"] for one in change["changes"]] == ["sending.smtp.password", "sending.timing.days"]
    assert "sending.timing.days" in run("options", "history").out
    number = str(change["change_id"])
    assert "Put back 1 option?" in run("options", "revert", number).err
    reverted = run("options", "revert", number, "--yes")
    assert "old secrets are not kept: sending.smtp.password" in reverted.err
    assert admin.options.get().value("sending.timing.days") == 6
    assert "no such file" in run("options", "plan", str(tmp_path / "none")).err.lower()
    file.write_text(f'{HEAD}[sending.smtp]\npassword = "{CANARY}"\n')
    refused = run("options", "apply", str(file), "--yes")
    assert refused.code == 2
    assert CANARY not in refused.out + refused.err

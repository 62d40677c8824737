"""Suggest in a network of its own: domains that publish much, little and nothing, and some that mean harm.

The addresses 11.22.0.0/16 stand for the Internet there, 10.9.0.0/16 for a private network.
"""

from __future__ import annotations

import http.server
import itertools
import json
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

import trackkit
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.fakes.dns_server import DnsServer
from tests.fakes.smtp_server import ScriptedSmtp
from tests.peers import namespace
from tests.running import RunningServer, clean_environment
from trackkit.client import Server
from trackkit.domain.errors import InvalidInput, TooManyAttempts
from trackkit.widgets.forms import option_form
from trackkit.widgets.sending_options import SECTIONS
from trackkit.widgets.session import trouble_for
from trackkit.widgets.suggest import SuggestForm

_LOOK = """
import json, sys
from dataclasses import asdict
from trackkit.domain.suggestions import asked
from trackkit.mail.suggest import look
for line in sys.stdin:
    about, hosts, private = json.loads(line)
    print(json.dumps(asdict(look(asked(about, hosts, private=private), ()))), flush=True)
"""
"""What the server calls, without its limit of looks: one process for many."""

_SETTINGS = ("host", "port", "encryption", "authentication", "username", "token_url")

MOVED = "moved to "
CONFIG = """<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="x">
<outgoingServer type="smtp"><hostname>{host}</hostname><port>465</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""


class _Web(http.server.BaseHTTPRequestHandler):
    """Serves what a test has put at host and path: content, or where it has moved to."""

    pages: dict[str, str] = {}  # noqa: RUF012 - shared by all requests
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        url = f"{self.headers['Host']}{self.path}"
        self.asked.append(url)
        found = self.pages.get(url.partition("?")[0], "")
        moved = found.startswith(MOVED)
        self.send_response(302 if moved else 200 if found else 404)
        if moved:
            self.send_header("Location", found.removeprefix(MOVED))
        self.end_headers()
        if not moved:
            self.wfile.write(found.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@dataclass
class World:
    """The network, its DNS, its hosts, and what looks in it."""

    net: namespace.Namespace
    dns: DnsServer
    authority: trustme.CA
    looking: subprocess.Popen[str]
    closing: ExitStack
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2))

    def host(self, name: str, port: int, *extensions: str, inside: bool = False, tls: bool = True) -> ScriptedSmtp:
        """A mail host, in the DNS with a certificate for its name; nobody else has its address."""
        if (name, "A") not in self.dns.zone:
            self.dns.zone[name, "A"] = [f"{'10.9' if inside else '11.22'}.0.{next(self.numbers)}"]
        (address,) = self.dns.zone[name, "A"]
        return self.at(address, port, *extensions, names=(name,) if tls else ())

    def at(self, address: str, port: int, *extensions: str, names: tuple[str, ...] = ()) -> ScriptedSmtp:
        """A mail host at an address; with names it has a certificate for them."""
        context = self.tls(*names) if names else None
        offers = (*extensions, *(("STARTTLS",) if context and port != 465 else ()))
        host = ScriptedSmtp({}, offers, context, implicit=port == 465, listener=self.net.listen(address, port))
        return self.closing.enter_context(host)

    def tls(self, *names: str) -> ssl.SSLContext:
        """A host's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(context)
        return context

    def web(self, address: str, *names: str) -> None:
        """A web server for these names."""
        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web, bind_and_activate=False)
        web.socket.close()
        web.socket = self.tls(*names).wrap_socket(self.net.listen(address, 443), server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        self.closing.callback(web.server_close)
        self.closing.callback(web.shutdown)
        for name in names:
            self.dns.zone[name, "A"] = [address]

    def look(self, about: str, *hosts: str, private: bool = False) -> Found:
        """What is found."""
        assert self.looking.stdin is not None
        assert self.looking.stdout is not None
        self.looking.stdin.write(json.dumps([about, hosts, private]) + "\n")
        self.looking.stdin.flush()
        return Found(json.loads(self.looking.stdout.readline()))


@dataclass
class Found:
    """What was found, for a test to read."""

    raw: dict[str, Any]

    @classmethod
    def by(cls, who: Server, about: str) -> Found:
        """What the server answers to somebody, in the same form."""
        found = who.mail.suggest(about)
        names = {name: f"sending.{'oauth2' if name in ('token_url', 'scope') else 'smtp'}.{name}" for name in _SETTINGS}
        candidates = [
            {**one.model_dump(mode="json"), "settings": {key: one.changes.get(name) for key, name in names.items()}}
            for one in found.candidates
        ]
        return cls({"candidates": candidates, "told": [one.model_dump(mode="json") for one in found.sources]})

    @property
    def best(self) -> dict[str, Any]:
        """The first candidate with its settings."""
        first = self.raw["candidates"][0]
        return {**first["settings"], **first}

    @property
    def short(self) -> list[tuple[str, str, int, str, str, bool]]:
        """Source, host, port, encryption, log-in and whether it answered, of each candidate."""
        found = [(one, one["settings"]) for one in self.raw["candidates"]]
        return [
            (one["source"], s["host"], s["port"], s["encryption"], s["authentication"], one["answered"])
            for one, s in found
        ]

    def told(self, source: str) -> tuple[str, str]:
        """What became of a source."""
        (one,) = [told for told in self.raw["told"] if told["source"] == source]
        return one["result"], one["words"]


@pytest.fixture(scope="module")
def trusted() -> Iterator[tuple[trustme.CA, dict[str, str]]]:
    """The authority of this network, and how processes are told to trust it."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(str(path))
        yield authority, {"SSL_CERT_FILE": str(path)}


@pytest.fixture(scope="module")
def world(trusted: tuple[trustme.CA, dict[str, str]]) -> Iterator[World]:
    """One for the module; each test has domains of its own."""
    if reason := namespace.missing():
        pytest.skip(reason)
    authority, environment = trusted
    with ExitStack() as closing:
        net = namespace.Namespace()
        closing.callback(net.close)
        for network in ("11.22.0.1/16", "10.9.0.1/16"):
            subprocess.run([*net.prefix, "ip", "addr", "add", network, "dev", "lo"], check=True)
        dns = closing.enter_context(DnsServer(net.bind("127.0.0.1", 53), net.listen("127.0.0.1", 53)))
        home = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        looking = subprocess.Popen(
            [*net.prefix, sys.executable, "-c", _LOOK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(home, **environment),
        )
        closing.callback(looking.wait, 20)
        closing.callback(looking.stdin.close)  # type: ignore[union-attr]
        yield World(net, dns, authority, looking, closing)


@pytest.fixture(scope="module")
def server(
    world: World, trusted: tuple[trustme.CA, dict[str, str]], start_for_module: Start
) -> Iterator[RunningServer]:
    running = start_for_module(prefix=world.net.prefix, environment=trusted[1])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bob(server: RunningServer) -> Iterator[Server]:
    """An admin who may look five times at once, as everybody may; the server ten times."""
    server.admin.users.add("bob", "admin", "bob's long passphrase")
    with trackkit.local(server.data, username="bob") as opened:
        yield opened


@pytest.mark.spec("7: Suggest: SRV records of the domain, and what the host then offers")
def test_a_domain_with_srv_records(world: World, bob: Server) -> None:
    world.dns.zone["_submissions._tcp.srv.test", "SRV"] = ["10 1 465 mail.srv.test."]
    world.dns.zone["_submission._tcp.srv.test", "SRV"] = ["10 1 587 mail.srv.test.", "20 1 587 out.other.test."]
    tls = world.host("mail.srv.test", 465, "AUTH PLAIN LOGIN")
    world.host("mail.srv.test", 587, "AUTH PLAIN LOGIN")
    world.host("out.other.test", 587, "AUTH XOAUTH2")
    found = Found.by(bob, "Ann@srv.test")
    assert found.short == [
        ("srv", "mail.srv.test", 465, "tls", "basic", True),
        ("srv", "mail.srv.test", 587, "starttls", "basic", True),
        ("srv", "out.other.test", 587, "starttls", "oauth2", True),
    ]
    assert found.best["username"] == "Ann@srv.test"
    assert "outside srv.test" in " ".join(found.raw["candidates"][2]["words"])
    assert found.told("ports") == ("not_asked", "Not tried: a host that was found before answers.")
    said = [line.split()[0].upper() for _, line in tls.lines]
    assert set(said) == {"EHLO", "QUIT"}, "nobody logs in and nothing is sent"


@pytest.mark.spec("7: Suggest: the domain's autoconfig, over verified HTTPS")
def test_a_domain_with_autoconfig(world: World, bob: Server) -> None:
    world.web("11.22.0.200", "autoconfig.auto.test", "away.auto2.test", "autoconfig.auto2.test", "auto3.test")
    for domain in ("auto", "auto2", "auto3"):
        world.host(f"mail.{domain}.test", 465, "AUTH PLAIN")
    _Web.pages["autoconfig.auto.test/mail/config-v1.1.xml"] = CONFIG.format(host="mail.auto.test")
    found = Found.by(bob, "ann+x@auto.test")
    assert found.short == [("autoconfig", "mail.auto.test", 465, "tls", "basic", True)]
    assert found.best["username"] == "ann+x"
    assert "autoconfig.auto.test/mail/config-v1.1.xml?emailaddress=ann%2Bx%40auto.test" in _Web.asked
    # Moved to another host of the Internet; and at the other of the two places.
    _Web.pages["autoconfig.auto2.test/mail/config-v1.1.xml"] = f"{MOVED}https://away.auto2.test/c.xml"
    _Web.pages["away.auto2.test/c.xml"] = CONFIG.format(host="mail.%EMAILDOMAIN%")
    assert world.look("auto2.test").short == [("autoconfig", "mail.auto2.test", 465, "tls", "basic", True)]
    _Web.pages["auto3.test/.well-known/autoconfig/mail/config-v1.1.xml"] = CONFIG.format(host="mail.auto3.test")
    best = world.look("auto3.test").best
    assert (best["host"], best["username"]) == ("mail.auto3.test", None)


@pytest.mark.spec("7: Suggest: known providers, by the domain's mail hosts")
def test_a_domain_at_a_known_provider(world: World, bob: Server) -> None:
    world.dns.zone["customer.test", "MX"] = ["1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com."]
    world.host("smtp.gmail.com", 465, "AUTH PLAIN XOAUTH2")
    world.host("smtp.gmail.com", 587, "AUTH PLAIN XOAUTH2")
    found = Found.by(bob, "boss@customer.test")
    assert found.short == [
        ("provider", "smtp.gmail.com", 465, "tls", "basic", True),
        ("provider", "smtp.gmail.com", 587, "starttls", "basic", True),
    ]
    assert "Google" in found.best["where"]
    assert "app password" in " ".join(found.best["words"])
    # Where the provider cannot be reached its settings are suggested all the same, and the trouble is told.
    world.dns.zone["ms.test", "MX"] = ["0 ms-test.mail.protection.outlook.com."]
    best = world.look("boss@ms.test").best
    assert (best["host"], best["authentication"], best["answered"]) == ("smtp.office365.com", "oauth2", False)
    assert "there is no such host" in best["words"][0]


@pytest.mark.spec("7: Suggest: the usual ports on the domain's hosts")
def test_a_domain_with_mail_hosts_only(world: World, bob: Server) -> None:
    world.dns.zone["mx.test", "MX"] = ["20 backup.mx.test.", "10 in.mx.test."]
    world.host("in.mx.test", 25)
    world.host("backup.mx.test", 587, "AUTH LOGIN")
    found = Found.by(bob, "ann@mx.test")
    assert found.told("provider") == (
        "nothing",
        "Its mail hosts (in.mx.test, backup.mx.test) are no known provider's.",
    )
    assert found.short == [
        ("ports", "backup.mx.test", 587, "starttls", "basic", True),
        ("ports", "in.mx.test", 25, "starttls", "anonymous", True),
    ]
    assert "a test shows" in " ".join(found.raw["candidates"][1]["words"])


def test_a_domain_with_open_ports_only(world: World) -> None:
    world.host("mail.open.test", 465, "AUTH PLAIN")
    world.host("smtp.open.test", 25, "AUTH PLAIN", tls=False)
    found = world.look("open.test")
    assert found.short == [
        ("ports", "mail.open.test", 465, "tls", "basic", True),
        ("ports", "smtp.open.test", 25, "starttls-if-offered", "anonymous", True),
    ]
    assert "no password" in " ".join(found.raw["candidates"][1]["words"])
    world.authority, own = trustme.CA(), world.authority
    world.host("mail.selfmade.test", 587, "AUTH PLAIN")
    world.authority = own
    best = world.look("ann@selfmade.test").best
    assert (best["host"], best["encryption"], best["answered"]) == ("mail.selfmade.test", "starttls", False)
    assert "trust manager" in best["words"][0]


@pytest.mark.spec("7: Suggest: private networks only when named")
def test_nothing_inside_is_connected_to_unless_it_is_named(world: World, bob: Server) -> None:
    world.dns.zone["_submissions._tcp.trap.test", "SRV"] = ["1 1 465 vault.trap.test.", "2 1 6379 redis.trap.test."]
    world.dns.zone["trap.test", "MX"] = ["10 vault.trap.test."]
    vault = world.host("vault.trap.test", 465, "AUTH PLAIN", inside=True)
    world.dns.zone["redis.trap.test", "A"] = ["11.22.0.201"]
    redis = world.at("11.22.0.201", 6379)
    world.web("127.0.0.1", "autoconfig.trap.test", "inner.test")
    world.web("11.22.0.202", "trap.test")
    _Web.pages["autoconfig.trap.test/mail/config-v1.1.xml"] = CONFIG.format(host="vault.trap.test")
    # The web server in the Internet sends on to one inside, and then to one without encryption.
    well_known = "trap.test/.well-known/autoconfig/mail/config-v1.1.xml"
    _Web.pages["inner.test/c.xml"] = CONFIG.format(host="vault.trap.test")
    inner, elsewhere = (
        "https://inner.test/c.xml",
        ("https://127.0.0.1/c.xml", "http://inner.test/c.xml", "file:///c.xml"),
    )
    for moved in (
        inner,
        *elsewhere,
        "https://inner.test:8443/",
        "https://[/",
        "https://a b\x7f/",
        f"https://trap.test/{'x' * 66_000}",
        "https://\xfc.test/",
    ):
        _Web.pages[well_known] = f"{MOVED}{moved}"
        found = world.look("ann@trap.test") if moved != inner else Found.by(bob, "ann@trap.test")
        assert not any(one["answered"] for one in found.raw["candidates"])
        assert found.told("autoconfig")[0] == "failed"
    assert "127.0.0.1) is this machine itself" in found.told("autoconfig")[1]
    assert "10.9.0" in found.best["words"][-2] + found.best["words"][0]
    assert "is in a private network" in found.best["words"][0]
    assert "none of the usual ports" in " ".join(found.raw["candidates"][1]["words"])
    assert (vault.connections, redis.connections) == (0, 0)
    assert not [url for url in _Web.asked if url.startswith(("inner", "autoconfig.trap", "127."))]
    # Said so, it is found; and so is a host that is named, by its name or its address.
    allowed = world.look("ann@trap.test", private=True)
    assert allowed.short[0] == ("srv", "vault.trap.test", 465, "tls", "basic", True)
    named = world.look("ann@trap.test", "vault.trap.test")
    assert ("srv", "vault.trap.test", 465, "tls", "basic", True) in named.short
    assert vault.connections >= 2
    (address,) = world.dns.zone["vault.trap.test", "A"]
    relay = world.at(address, 25)
    assert world.look(address).short == [
        ("ports", address, 25, "starttls-if-offered", "anonymous", True),
        ("ports", address, 465, "tls", "basic", False),
    ]
    assert relay.connections == 1


def test_rubbish_is_told_and_harms_nothing(world: World) -> None:
    world.dns.zone["_submission._tcp.rubbish.test", "SRV"] = ["0 0 0 .", "1 1 0 mail.rubbish.test.", "1 1 587 *.x."]
    world.web("11.22.0.203", "autoconfig.rubbish.test", "rubbish.test", "autoconfig.bomb.test", "bomb.test")
    _Web.pages["autoconfig.rubbish.test/mail/config-v1.1.xml"] = "\x00<not xml" * 50
    _Web.pages["rubbish.test/.well-known/autoconfig/mail/config-v1.1.xml"] = "x" * 70_000
    found = world.look("ann@rubbish.test")
    assert found.raw["candidates"] == []
    assert found.told("srv") == ("nothing", "The records say that there is no such service.")
    result, words = found.told("autoconfig")
    assert (result, "it is no XML" in words, "it is too large" in words) == ("failed", True, True)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>' + CONFIG.format(host="&e8;")
    _Web.pages["autoconfig.bomb.test/mail/config-v1.1.xml"] = bomb.replace('<?xml version="1.0"?>', "")
    circle = "bomb.test/.well-known/autoconfig/mail/config-v1.1.xml"
    _Web.pages[circle] = f"{MOVED}https://{circle}"
    words = world.look("bomb.test").told("autoconfig")[1]
    assert "document type" in words
    assert "again and again" in words
    world.dns.broken |= {f"{name}broken.test" for name in ("", "_submission._tcp.", "_submissions._tcp.")}
    broken = world.look("broken.test")
    assert all("SERVFAIL" in broken.told(source)[1] for source in ("srv", "autoconfig", "provider"))


def thunderbird(home: Path) -> None:
    """A profile with an account."""
    profile = home / ".thunderbird" / "abc.default"
    profile.mkdir(parents=True)
    prefs = {"mail.smtpservers": "s", "mail.smtpserver.s.hostname": "tb.form.test", "mail.smtpserver.s.username": "tb"}
    (profile / "prefs.js").write_text("".join(f'user_pref("{name}", "{v}");\n' for name, v in prefs.items()))


@pytest.mark.spec("7: Suggest: a mail program's settings: Thunderbird on the machine of the kernel or command line")
@pytest.mark.spec("7: Suggest: fills the form, the admin confirms")
def test_a_suggestion_fills_the_form(
    world: World, server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.dns.zone["_submissions._tcp.form.test", "SRV"] = ["1 1 465 mail.form.test."]
    world.host("mail.form.test", 465, "AUTH PLAIN")
    thunderbird(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    server.admin.users.add("cleo", "admin", "cleo's long passphrase")
    smtp = {"host": "old.test", "authentication": "basic", "username": "old", "password": "the old host's"}
    server.admin.options.set({f"sending.smtp.{name}": value for name, value in smtp.items()})
    with trackkit.local(server.data, username="cleo") as cleo:
        form = option_form(cleo, SECTIONS)
        suggest = SuggestForm(cleo, trouble_for(cleo), lambda one: form.fill(one.changes, one.needs[0]), lambda: None)
        assert [button.description for button in suggest.use] == ["Use tb.form.test:587"], "Thunderbird's, at once"
        suggest.look()
        assert suggest.fields.messages == {"about": "is empty"}
        suggest.fields.put("about", "ann@form.test")
        suggest.look_button.click()
        assert [button.description for button in suggest.use] == ["Use mail.form.test:465", "Use tb.form.test:587"]
        assert "SRV record _submissions._tcp.form.test" in suggest.found.children[0].children[0].value
        assert "2 suggestions" in suggest.said.value
        suggest.use[0].click()
        assert form.fields.values["sending.smtp.host"] == "mail.form.test"
        assert form.fields.values["sending.smtp.port"] == "465"
        assert form.fields.removed == ["sending.smtp.password"], "the old host's password goes to no other"
        assert "is needed" in form.fields.messages["sending.smtp.password"]
        form.apply_button.click()
        assert cleo.options.get().value("sending.smtp.host") == "old.test", "nothing is saved by itself"
        form.fields.put("sending.smtp.password", "the new one")
        form.apply_button.click()
        assert cleo.options.get().value("sending.smtp.host") == "mail.form.test"
        suggest.fields.put("about", "a b")
        suggest.look_button.click()
        assert "give an e-mail address" in suggest.fields.messages["about"]


@pytest.mark.spec("7: Suggest: found by Python and by command, the admin confirms; rate-limited, in the audit")
def test_a_suggestion_is_found_and_used(world: World, server: RunningServer, tmp_path: Path) -> None:
    world.dns.zone["_submissions._tcp.use.test", "SRV"] = ["1 1 465 mail.use.test."]
    world.host("mail.use.test", 465, "AUTH PLAIN")
    admin = server.admin
    admin.options.set(
        {
            "sending.method": "direct",
            "sending.smtp.host": "old.test",
            "sending.smtp.authentication": "basic",
            "sending.smtp.username": "old",
            "sending.smtp.password": "the old host's",
        }
    )
    found = admin.mail.suggest("ann@use.test")
    best = found.candidates[0]
    assert best.changes == {
        "sending.method": "smtp",
        "sending.smtp.host": "mail.use.test",
        "sending.smtp.port": 465,
        "sending.smtp.encryption": "tls",
        "sending.smtp.authentication": "basic",
        "sending.smtp.username": "ann@use.test",
        "sending.smtp.password": None,
    }
    assert best.needs == ("sending.smtp.password",)
    assert admin.options.get().value("sending.smtp.host") == "old.test", "only the admin's Yes changes anything"
    with pytest.raises(InvalidInput, match="password"):
        admin.apply(best.fix)
    record = admin.audit.list(limit=1).records[0]
    assert (record.operation, record.subject, record.username) == ("mail.suggest", "ann@use.test", "admin")
    command = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data), "THE_PASSWORD": "canary-2211"})
    use = ("mail", "suggest", "ann@use.test", "--apply", "--password", "env:THE_PASSWORD")
    thunderbird(tmp_path)
    asked = command.run(*use, "--thunderbird")
    assert "1. Use mail.use.test:465  (SRV record _submissions._tcp.use.test)" in asked.stdout
    assert "2. Use tb.form.test:587  (Thunderbird, profile abc.default)" in asked.stdout
    assert "sending.smtp.password" in asked.stdout
    assert (asked.returncode, "there is no terminal to ask at" in asked.stderr) == (2, True)
    assert "SMTP host: old.test → mail.use.test" in asked.stderr
    assert admin.options.get().value("sending.smtp.host") == "old.test"
    assert "canary" not in command(*use, "--yes")
    state = admin.options.get()
    assert (state.value("sending.method"), state.value("sending.smtp.host")) == ("smtp", "mail.use.test")
    with pytest.raises(TooManyAttempts, match="Look again in"):
        until_turned_away(admin)


def until_turned_away(admin: Server) -> None:
    """Look again and again: faster than one every 20 seconds."""
    for _ in range(50):
        admin.mail.suggest("127.0.0.1")

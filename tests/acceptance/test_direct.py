"""Direct delivery through a running server: a network of its own, its own DNS, mail hosts on port 25."""

from __future__ import annotations

import hashlib
import http.server
import itertools
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conftest import Start
from tests.fakes.dns_server import DnsServer
from tests.fakes.smtp_server import Action, ScriptedSmtp, drop, say, when
from tests.peers import namespace
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.contract.mail import MessageDetail, RecipientView
from trackkit.domain.delivery import State
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.trust import AskedBy, Reason

MESSAGE = b"Message-ID: <1@example.test>\r\nSubject: x\r\n\r\nbody\r\n"


@dataclass
class World:
    """The network, what is in it, and a trackkit server that sends in it."""

    net: namespace.Namespace
    dns: DnsServer
    server: RunningServer
    authority: trustme.CA
    closing: ExitStack
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(10))

    def address(self) -> str:
        """A loopback address nobody has."""
        number = next(self.numbers)
        return f"127.0.{number // 200}.{number % 200 + 1}"

    def host(self, name: str = "", address: str = "", **script: object) -> ScriptedSmtp:
        """A mail host on port 25; with a name, it is in the DNS."""
        address = address or self.address()
        if name:
            self.dns.zone[name, "AAAA" if ":" in address else "A"] = [address]
        tls = script.pop("tls", None)
        extensions = ("8BITMIME", "STARTTLS") if tls else ("8BITMIME",)
        host = ScriptedSmtp(script, extensions, tls, listener=self.net.listen(address, 25))  # type: ignore[arg-type]
        return self.closing.enter_context(host)

    def dead(self, name: str) -> None:
        """A host where nobody listens."""
        self.dns.zone[name, "A"] = [self.address()]

    def silent(self, name: str) -> None:
        """A host that takes connections and says nothing."""
        self.dns.zone[name, "A"] = [address := self.address()]
        self.closing.enter_context(self.net.listen(address, 25))

    def mx(self, domain: str, *records: str) -> None:
        """The domain's MX records."""
        self.dns.zone[domain, "MX"] = list(records)

    def tls(self, *names: str, by: trustme.CA | None = None) -> ssl.SSLContext:
        """A host's side of TLS, with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (by or self.authority).issue_cert(*names).configure_cert(context)
        return context

    def submit(self, *recipients: str, sender: str = "s@sender.test") -> str:
        """A mail; its queue id."""
        return self.server.admin.mail.submit(MESSAGE, sender=sender, recipients=list(recipients)).queue_id

    def shown(self, queue_id: str) -> MessageDetail:
        """Everything about it."""
        return self.server.admin.mail.show(queue_id)

    def ended(self, queue_id: str) -> MessageDetail:
        """What is left of a mail in the queue, once no recipient waits for its first try."""

        def settled() -> MessageDetail | None:
            shown = self.shown(queue_id)
            waits = any(r.state in (State.queued, State.active) for r in shown.recipients)
            return None if waits else shown

        return wait_until(settled, what=f"the end of {queue_id}")

    def only(self, queue_id: str) -> RecipientView:
        """Its one recipient."""
        (recipient,) = self.ended(queue_id).recipients
        return recipient

    def sent(self, queue_id: str) -> list[tuple[str, str]]:
        """(recipient, host) of a mail that has left the queue."""

        def gone() -> bool:
            try:
                self.shown(queue_id)
            except NotFound:
                return True
            return False

        wait_until(gone, what=f"the leaving of {queue_id}")
        lines = self.server.admin.mail.history(limit=50).sent
        return sorted((line.recipient, line.host) for line in lines if line.queue_id == queue_id)


@pytest.fixture(scope="module")
def world(start_for_module: Start) -> Iterator[World]:
    """One for the module; each test has domains and hosts of its own."""
    if reason := namespace.missing():
        pytest.skip(reason)
    authority = trustme.CA()
    with ExitStack() as closing:
        net = namespace.Namespace()
        closing.callback(net.close)
        dns = closing.enter_context(DnsServer(net.bind("127.0.0.1", 53), net.listen("127.0.0.1", 53)))
        trusted = Path(closing.enter_context(tempfile.TemporaryDirectory())) / "ca.pem"
        authority.cert_pem.write_to_path(str(trusted))
        options = {
            "sending.method": "direct",
            "sending.smtp.connect_timeout": 1,
            "sending.smtp.conversation_timeout": 3,
            "sending.timing.connections": 6,
        }
        server = start_for_module(None, options, prefix=net.prefix, environment={"SSL_CERT_FILE": str(trusted)})
        yield World(net, dns, server, authority, closing)
        server.stop()


@pytest.mark.spec("7: direct delivery: the MX records in order of preference, the next one when a host fails")
def test_the_host_of_the_best_preference_gets_it(world: World) -> None:
    best, other = world.host("mx1.pref.test"), world.host("mx2.pref.test")
    world.mx("pref.test", "20 mx2.pref.test.", "10 mx1.pref.test.")
    sent = world.sent(world.submit("Ann@PREF.test", "bob@pref.test"))
    assert sent == [("Ann@PREF.test", "mx1.pref.test:25"), ("bob@pref.test", "mx1.pref.test:25")]
    assert [m.rcpt_tos for m in best.messages] == [("Ann@PREF.test", "bob@pref.test")]
    assert not other.messages


def test_hosts_that_are_dead_silent_or_closed_are_passed_over(world: World) -> None:
    world.dead("mx1.fall.test")
    world.silent("mx2.fall.test")
    world.host("mx3.fall.test", greeting=drop("421 4.3.2 not now"))
    world.host("mx4.fall.test", greeting=drop("554 5.7.1 no"))
    last = world.host("mx5.fall.test")
    world.mx("fall.test", *(f"{n}0 mx{n}.fall.test." for n in (5, 3, 1, 4, 2)), "15 nowhere.fall.test.")
    assert world.sent(world.submit("a@fall.test")) == [("a@fall.test", "mx5.fall.test:25")]
    world.submit("b@fall.test")
    wait_until(lambda: len(last.messages) == 2, what="the second mail")


def test_a_host_that_breaks_off_is_left_for_the_next_one(world: World) -> None:
    first = world.host("mx1.break.test", rcpt=drop("421 4.3.2 going down"))
    second = world.host("mx2.break.test", dot=drop("421 4.3.2 full"))
    third = world.host("mx3.break.test")
    world.mx("break.test", "10 mx1.break.test.", "20 mx2.break.test.", "30 mx3.break.test.")
    assert world.sent(world.submit("a@break.test")) == [("a@break.test", "mx3.break.test:25")]
    assert first.said("RCPT")
    assert second.said("DATA")
    assert len(third.messages) == 1


def test_what_a_host_says_of_a_recipient_holds_for_the_domain(world: World) -> None:
    script = {"rcpt": lambda line: say("550 5.1.1 no such user") if "BAD@" in line.upper() else None}
    world.host("mx1.says.test", **script)
    other = world.host("mx2.says.test")
    world.mx("says.test", "10 mx1.says.test.", "20 mx2.says.test.")
    refused = world.only(world.submit("bad@says.test"))
    assert (refused.state, refused.smtp_code, refused.diagnosis.cause) == (State.failed, 550, "address_rejected")
    assert "The mail host of says.test" in refused.diagnosis.words
    assert not other.connections


@pytest.mark.spec("7: direct delivery: null MX, a domain that does not exist and a DNS that fails are told apart")
def test_domains_without_mail(world: World) -> None:
    world.mx("null.test", "0 .")
    world.dns.broken.add("servfail.test")
    world.mx("nohost.test", "10 gone.nohost.test.")
    world.mx("number.test", "10 127.0.0.1.")
    world.dns.zone["nomail.test", "TXT"] = ['"only a text"']
    message = world.submit(*(f"a@{d}.test" for d in ("null", "absent", "servfail", "nohost", "number", "nomail")))
    found = {r.address: r for r in world.ended(message).recipients}
    told = {
        address.partition("@")[2]: (r.state, r.smtp_code, r.enhanced_code, r.diagnosis.cause)
        for address, r in found.items()
    }
    assert told == {
        "null.test": (State.failed, 556, "5.1.10", "takes_no_mail"),
        "absent.test": (State.failed, None, "5.1.2", "no_such_domain"),
        "servfail.test": (State.deferred, None, "4.4.3", "domain_not_looked_up"),
        "nohost.test": (State.failed, None, "5.4.4", "no_mail_host"),
        "number.test": (State.failed, None, "5.4.4", "no_mail_host"),
        "nomail.test": (State.failed, None, "5.4.4", "no_mail_host"),
    }


def test_a_domain_whose_hosts_are_all_dead_waits_and_says_so(world: World) -> None:
    world.dead("mx1.dead.test")
    world.dead("mx2.dead.test")
    world.mx("dead.test", "10 mx1.dead.test.", "20 mx2.dead.test.")
    recipient = world.only(world.submit("a@dead.test"))
    assert (recipient.state, recipient.diagnosis.cause) == (State.deferred, "domain_unreachable")
    assert recipient.diagnosis.option == "sending.method"
    assert "mx1.dead.test" in recipient.send_error
    assert "mx2.dead.test" in recipient.send_error


@pytest.mark.spec("7: direct delivery: a domain without MX is its own mail host, by IPv4 or IPv6")
def test_domains_without_mx_and_address_literals(world: World) -> None:
    four = world.host("implicit4.test")
    six = world.host("implicit6.test", "::1")
    world.dns.zone["alias.test", "MX"] = ["10 www.alias.test."]
    world.dns.zone["www.alias.test", "CNAME"] = ["implicit4.test."]
    address = world.address()
    literal = world.host(address=address)
    message = world.submit("a@implicit4.test", "b@implicit6.test", f"c@[{address}]", "d@[IPv6:::1]", "e@alias.test")
    assert [host for _, host in world.sent(message)] == [
        "implicit4.test:25", "implicit6.test:25", f"{address}:25", "[::1]:25", "www.alias.test:25"
    ]  # fmt: skip
    assert {m.rcpt_tos for m in six.messages} == {("b@implicit6.test",), ("d@[IPv6:::1]",)}
    assert len(literal.messages) == 1
    assert {m.rcpt_tos for m in four.messages} == {("a@implicit4.test",), ("e@alias.test",)}


@pytest.mark.spec("7: direct delivery: a slow or dead domain holds up no other, and the connections are bounded")
def test_a_slow_domain_with_a_long_line_holds_up_nobody(world: World) -> None:
    slow = world.host("slow.test", dot=Action(b"250 2.0.0 Ok\r\n", "go on", 0.05))
    fast = world.host("fast.test")
    world.silent("hush.test")
    world.submit("a@hush.test")
    for number in range(60):
        world.submit(f"r{number}@slow.test")
    for number in range(5):
        world.submit(f"r{number}@fast.test")
    wait_until(lambda: len(fast.messages) == 5, what="the mails to the fast domain")
    assert len(slow.messages) < 60
    assert slow.most_open <= 3
    slow.script = {}
    wait_until(lambda: len(slow.messages) == 60, what="the mails to the slow domain")


@pytest.mark.spec("7: direct delivery uses TLS where it is offered, and says truthfully what was verified")
def test_encryption_is_used_where_it_is_offered_and_proves_nothing(world: World) -> None:
    stranger = trustme.CA()
    host = world.host("open.test", tls=world.tls("another.name", by=stranger), rcpt=when("bad@", say("550 5.1.1 no")))
    shown = world.ended(world.submit("good@open.test", "bad@open.test"))
    assert len(host.messages) == 1
    assert "not verified" in shown.conversation
    assert "certificate verified" not in shown.conversation


def test_where_encryption_fails_the_mail_goes_without(world: World) -> None:
    host = world.host("broken.test", tls=world.tls("broken.test"), starttls=say("454 4.7.0 not now"))
    assert len(world.sent(world.submit("a@broken.test"))) == 1
    assert host.connections == 2
    assert len(host.messages) == 1


class _PolicyFile(http.server.BaseHTTPRequestHandler):
    """Serves the MTA-STS policy of whatever domain is asked for."""

    policies: dict[str, str] = {}  # noqa: RUF012 - shared by all requests

    def do_GET(self) -> None:
        text = self.policies.get(self.headers["Host"].removeprefix("mta-sts."), "")
        self.send_response(200 if text and self.path == "/.well-known/mta-sts.txt" else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def policy(world: World) -> Iterator[Callable[[str, str], None]]:
    """Publishes a policy of a domain."""
    names = [f"mta-sts.{name}.test" for name in ("sts", "stsbad", "stsother", "ststest")]
    context = world.tls(*names)
    listener = world.net.listen("127.0.0.1", 443)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _PolicyFile, bind_and_activate=False)
    web.socket.close()
    web.socket = context.wrap_socket(listener, server_side=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()

    def publish(domain: str, text: str) -> None:
        world.dns.zone[f"_mta-sts.{domain}", "TXT"] = ['"v=STSv1; id=1;"']
        world.dns.zone[f"mta-sts.{domain}", "A"] = ["127.0.0.1"]
        _PolicyFile.policies[domain] = f"version: STSv1\n{text}max_age: 86400\n"

    yield publish
    web.shutdown()
    web.server_close()


@pytest.mark.spec("7: direct delivery: an MTA-STS policy is kept to")
def test_mta_sts(world: World, policy: Callable[[str, str], None]) -> None:
    bad = when("bad@", say("550 5.1.1 no"))
    policy("sts.test", "mode: enforce\nmx: *.sts.test\n")
    world.mx("sts.test", "10 mx.sts.test.")
    good = world.host("mx.sts.test", tls=world.tls("mx.sts.test"), rcpt=bad)
    policy("stsbad.test", "mode: enforce\nmx: mx.stsbad.test\n")
    world.mx("stsbad.test", "10 mx.stsbad.test.")
    forged = world.host("mx.stsbad.test", tls=world.tls("mx.stsbad.test", by=trustme.CA()))
    policy("stsother.test", "mode: enforce\nmx: mx.stsother.test\n")
    world.mx("stsother.test", "10 evil.test.")
    evil = world.host("evil.test", tls=world.tls("evil.test"))
    policy("ststest.test", "mode: testing\nmx: mx.ststest.test\n")
    world.mx("ststest.test", "10 other.ststest.test.")
    tested = world.host("other.ststest.test")
    message = world.submit("bad@sts.test", "a@sts.test", "a@stsbad.test", "a@stsother.test", "a@ststest.test")
    found = {r.address: (r.state, r.diagnosis.cause) for r in world.ended(message).recipients}
    assert found == {
        "bad@sts.test": (State.failed, "address_rejected"),
        "a@sts.test": (State.sent, "finished"),
        "a@stsbad.test": (State.deferred, "domain_not_secure"),
        "a@stsother.test": (State.deferred, "domain_not_secure"),
        "a@ststest.test": (State.sent, "finished"),
    }
    assert [len(host.messages) for host in (good, forged, evil, tested)] == [1, 0, 0, 1]
    assert not evil.connections
    again = world.ended(world.submit("bad@sts.test"))
    assert "certificate verified as the domain's MTA-STS policy asks" in again.conversation
    not_overruled(world, "mx.stsbad.test", AskedBy.mta_sts, Reason.unknown_issuer)


@pytest.mark.spec("7: direct delivery: TLSA records are kept to (DANE) when a resolver on this machine validates them")
def test_dane(world: World) -> None:
    bad = when("bad@", say("550 5.1.1 no"))
    stranger = trustme.CA()
    leaf = stranger.issue_cert("mx.dane.test")
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(own)
    key = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    hosts = {}
    for domain, record, context in (
        ("dane.test", f"3 1 1 {digest}", own),
        ("danebad.test", f"3 1 1 {digest}", world.tls("mx.danebad.test")),
        ("daneplain.test", f"3 1 1 {digest}", None),
        ("unsigned.test", f"3 1 1 {digest}", world.tls("mx.unsigned.test")),
    ):
        world.mx(domain, f"10 mx.{domain}.")
        world.dns.zone[f"_25._tcp.mx.{domain}", "TLSA"] = [record]
        hosts[domain] = world.host(f"mx.{domain}", tls=context, rcpt=bad)
    world.dns.signed |= {"dane.test", "danebad.test", "daneplain.test"}
    message = world.submit("bad@dane.test", "a@dane.test", "a@danebad.test", "a@daneplain.test", "a@unsigned.test")
    found = {r.address: (r.state, r.diagnosis.cause) for r in world.ended(message).recipients}
    assert found == {
        "bad@dane.test": (State.failed, "address_rejected"),
        "a@dane.test": (State.sent, "finished"),
        "a@danebad.test": (State.deferred, "domain_not_secure"),
        "a@daneplain.test": (State.deferred, "domain_not_secure"),
        "a@unsigned.test": (State.sent, "finished"),
    }
    again = world.ended(world.submit("bad@dane.test"))
    assert "verified by DANE" in again.conversation
    assert not hosts["danebad.test"].messages
    not_overruled(world, "mx.danebad.test", AskedBy.dane, Reason.not_published)


def not_overruled(world: World, host: str, asked_by: AskedBy, reason: Reason) -> None:
    """What a domain asks for stands among the untrusted ones, and nobody here can trust it."""
    admin = world.server.admin
    (listed,) = [one for one in admin.trust.untrusted() if one.host == host]
    assert (listed.port, listed.asked_by, listed.reason) == (25, asked_by, reason)
    assert listed.names == (host,)
    with pytest.raises(Conflict, match="recipient's domain"):
        admin.trust.add(listed.certificate_id)


@pytest.fixture
def relay(world: World) -> Iterator[ScriptedSmtp]:
    """A relay beside direct delivery."""
    address = world.address()
    relay = world.host(address=address)
    options = world.server.admin.options
    with pytest.raises(InvalidInput) as refused:
        options.set({"sending.method": "direct-then-smtp"})
    assert {problem.field for problem in refused.value.problems} == {"sending.smtp.host"}
    options.set({"sending.method": "direct-then-smtp", "sending.smtp.host": address, "sending.smtp.encryption": "none"})
    yield relay
    options.set({"sending.method": "direct", "sending.smtp.host": None})


@pytest.mark.spec("7: direct first, then the relay: falls back on connection failures and 4xx; 5xx fails")
def test_the_relay_gets_what_direct_delivery_cannot_do(world: World, relay: ScriptedSmtp) -> None:
    def rcpt(line: str) -> object:
        if "LATER@" in line.upper():
            return say("450 4.2.1 later")
        return say("550 5.1.1 no such user") if "BAD@" in line.upper() else None

    mx = world.host("mixed.test", rcpt=rcpt)
    world.dead("away.test")
    world.mx("nothing.test", "0 .")
    world.dns.broken.add("unclear.test")
    message = world.submit(
        "ok@mixed.test", "later@mixed.test", "bad@mixed.test", "a@away.test", "a@nothing.test", "a@unclear.test"
    )

    def tried() -> dict[str, State] | None:
        found = {r.address: r.state for r in world.shown(message).recipients}
        return None if set(found.values()) & {State.queued, State.active} else found

    states = wait_until(tried, what="the end")
    assert states == {
        "ok@mixed.test": State.sent,
        "later@mixed.test": State.sent,
        "bad@mixed.test": State.failed,
        "a@away.test": State.sent,
        "a@nothing.test": State.failed,
        "a@unclear.test": State.sent,
    }
    assert [m.rcpt_tos for m in mx.messages] == [("ok@mixed.test",)]
    assert sorted(m.rcpt_tos for m in relay.messages) == [("a@away.test",), ("a@unclear.test",), ("later@mixed.test",)]
    reasons = {r.address: r.smtp_code for r in world.shown(message).recipients if r.state is State.failed}
    assert reasons == {"bad@mixed.test": 550, "a@nothing.test": 556}


def test_what_the_relay_refuses_waits_and_tells_both_stories(world: World, relay: ScriptedSmtp) -> None:
    world.dead("astray.test")
    relay.script = {"rcpt": say("451 4.3.0 relay is busy")}
    shown = world.ended(world.submit("a@astray.test"))
    (recipient,) = shown.recipients
    assert (recipient.state, recipient.smtp_code) == (State.deferred, 451)
    assert "connection refused" in shown.conversation
    assert "the relay takes over" in shown.conversation
    assert "451 4.3.0 relay is busy" in shown.conversation

"""Where the bad queues are: a network of its own with a DNS, real mail hosts, and one trackkit server for all of them.

Needs root, Postfix, Dovecot, Exim, gcc and network namespaces; `missing` says what is not there.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.acceptance.conftest import set_up
from tests.bad_queues import hosts
from tests.bad_queues.case import BY_MAPI, EXIM, PICKUP, SCRIPTED
from tests.bad_queues.hosts import ADDRESSES, RELAY, Certificates
from tests.bad_queues.policy import PolicyService
from tests.fakes.clock import ShiftedClock
from tests.fakes.dns_server import DnsServer
from tests.fakes.mapi import FakeMapi
from tests.fakes.smtp_server import ScriptedSmtp
from tests.peers import dovecot, exim, namespace, postfix
from tests.peers.dovecot import Dovecot
from tests.peers.exim import Exim
from tests.peers.namespace import Namespace
from tests.peers.postfix import Postfix
from tests.ports import wait_until
from tests.running import SHORT, RunningServer, start_server
from trackkit.client import Server
from trackkit.domain.delivery import State

GOOD: Mapping[str, object] = {
    "sending.method": "smtp",
    "sending.paused": False,
    "sending.smtp.host": RELAY,
    "sending.smtp.port": 25,
    "sending.smtp.encryption": "starttls-if-offered",
    "sending.smtp.authentication": "anonymous",
    "sending.smtp.username": None,
    "sending.smtp.password": None,
    "sending.smtp.connect_timeout": 10,
    "sending.smtp.conversation_timeout": 10,
    "sending.smtp.one_message_per_connection": True,
    "sending.pop_before_smtp.enabled": False,
    "sending.timing.schedule": "",
    "sending.timing.messages_per_minute": None,
    "sending.mapi.enabled": False,
    "sending.mapi.paused": False,
}
"""With these every mail arrives."""


def missing() -> str:
    """Why there can be no site here; ``""`` when there can."""
    reasons = (namespace.missing(), postfix.missing(), dovecot.missing(), exim.missing())
    return next((reason for reason in reasons if reason), "")


@dataclass
class Site:
    """Everything there is; whatever a case starts stands in `scripted` and is stopped after it."""

    net: Namespace
    dns: DnsServer
    certificates: Certificates
    dovecot: Dovecot
    postfix: Postfix
    exim: Exim
    server: RunningServer
    clock: ShiftedClock
    pickup: Path
    mapi: FakeMapi
    scripted: list[ScriptedSmtp] = field(default_factory=list)
    open: list[socket.socket] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)
    """As they were set last."""

    @property
    def admin(self) -> Server:
        """The administrator."""
        return self.server.admin

    def begin(self, options: Mapping[str, object]) -> None:
        """Set options, all others that were ever set back to `GOOD`."""
        wanted = {**GOOD, **options}
        self.change({name: wanted[name] for name in wanted if self.options.get(name, self) != wanted[name]})

    def change(self, options: Mapping[str, object]) -> None:
        """Set options."""
        self.admin.options.set(options)
        self.options |= options

    def arrived(self, at: str, mark: str) -> bool:
        """Whether the mail with that mark is there."""
        if at == EXIM:
            return bool(self.exim.taken(mark.encode()))
        if at == PICKUP:
            return any(mark.encode() in file.read_bytes() for file in self.pickup.rglob("*.eml"))
        if at == BY_MAPI:
            return any(mark in sent.text for sent in self.mapi.sent)
        if at == SCRIPTED:
            return any(mark.encode() in m.data for host in self.scripted for m in host.messages)
        return any(mark.encode() in raw for mails in self.postfix.delivered().values() for raw in mails)

    def host(self, name: str, port: int = 25, **script: object) -> ScriptedSmtp:
        """A mail host that misbehaves on command."""
        running = ScriptedSmtp(script, listener=self.net.listen(ADDRESSES.get(name, name), port))  # type: ignore[arg-type]
        self.scripted.append(running.__enter__())
        return running

    def listen(self, name: str, port: int = 25) -> None:
        """A host that takes connections and says nothing."""
        self.open.append(self.net.listen(ADDRESSES[name], port))

    def connect(self, name: str) -> None:
        """Keep a connection to a host open, until `hang_up`."""
        connection = self.net.connect(25, ADDRESSES[name])
        assert connection is not None
        assert connection.recv(3) == b"220"
        self.open.append(connection)

    def hang_up(self) -> None:
        """End those connections; returns when Postfix has noticed."""
        before = self._disconnected()
        for connection in self.open:
            connection.close()
        wait_until(lambda: self._disconnected() > before, what="Postfix noticing")

    def _disconnected(self) -> int:
        return self.postfix.log().count(": disconnect from ")

    def turn_clock(self, by: timedelta) -> None:
        """The server's clock jumps; who was logged in for so long is not any more."""
        self.clock.shift(by)
        self.server.__dict__.pop("admin", None)

    def wait_for(self, queue_id: str, state: State) -> None:
        """Until the mail is in that state."""
        wait_until(lambda: self.admin.mail.show(queue_id).message.state is state, what=state, pause=0.02)

    def wake(self) -> None:
        """Have the server look at its queue now, not in half a minute."""
        self.change({"sending.timing.connections": self.options.get("sending.timing.connections", 4) ^ 1})

    def end_case(self) -> None:
        """Stop what was started for one."""
        while self.scripted:
            self.scripted.pop().stop()
        while self.open:
            self.open.pop().close()


def open_site(closing: ExitStack) -> Site:
    """Start everything; `closing` ends it."""
    net = namespace.Namespace()
    closing.callback(net.close)
    dns = closing.enter_context(DnsServer(net.bind("127.0.0.1", 53), net.listen("127.0.0.1", 53)))
    dns.zone |= {(name, "A"): [address] for name, address in ADDRESSES.items()}
    dns.zone["postfix.test", "MX"] = [f"10 {RELAY}."]
    folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix=SHORT)))
    certificates = hosts.make_certificates()
    hosts.write(folder, certificates)
    closing.callback(PolicyService(folder / "policy", dns.zone).close)
    mailboxes = hosts.start_dovecot(certificates, net)
    closing.callback(mailboxes.stop)
    relay = hosts.start_postfix(folder, mailboxes, certificates, net)
    closing.callback(relay.stop)
    made = certificates.hosts["relay"]
    other = exim.start({hosts.USER: hosts.PASSWORD}, made.key_pem + made.pem, net)
    closing.callback(other.stop)
    clock = ShiftedClock(folder)
    (folder / "ca.pem").write_bytes(certificates.known.pem)
    (pickup := folder / "pickup").mkdir()
    data = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix=SHORT))) / "data"
    mapi = FakeMapi(Path(closing.enter_context(tempfile.TemporaryDirectory(prefix=SHORT))))
    set_up(data, pickup_roots=str(folder), mapi_library=mapi.library)
    environment = {"SSL_CERT_FILE": str(folder / "ca.pem"), **clock.environment}
    server = start_server(data, prefix=net.prefix, environment=environment)
    closing.callback(server.stop)
    return Site(net, dns, certificates, mailboxes, relay, other, server, clock, pickup, mapi)

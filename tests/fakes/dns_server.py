"""A DNS server that answers what a test puts into its zone, over UDP and TCP sockets it is given.

    dns.zone["example.test", "MX"] = ["10 mx.example.test.", "20 backup.example.test."]

A name without any record does not exist; one in `broken` is answered with SERVFAIL, one in `silent` not at all; answers
about names in `signed` (and everything below them) say that they were validated (AD), as a validating resolver does.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class DnsServer:
    """The server; a context manager.

    Parameters
    ----------
    udp, tcp: bound sockets, the second one listening.
    """

    udp: socket.socket
    tcp: socket.socket
    zone: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    signed: set[str] = field(default_factory=set)
    ttl: int = 60
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        for target in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for one in (self.udp, self.tcp):
            with suppress(OSError):  # a UDP socket is connected to nobody; it is woken all the same
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def answer(self, wire: bytes) -> bytes | None:
        """The answer to a question; none = silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        if any(name == one or name.endswith(f".{one}") for one in self.signed):
            response.flags |= dns.flags.AD
        if records := self.zone.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
        elif alias := self.zone.get((name, "CNAME")):
            target = alias[0].rstrip(".")
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", "CNAME", *alias))
            if records := self.zone.get((target, kind)):
                response.answer.append(dns.rrset.from_text(alias[0], self.ttl, "IN", kind, *records))
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    def _serve_udp(self) -> None:
        while True:
            try:
                wire, peer = self.udp.recvfrom(4096)
                if wire and (answer := self.answer(wire)) is not None:
                    self.udp.sendto(answer, peer)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                (length,) = struct.unpack("!H", connection.recv(2))
                if (answer := self.answer(connection.recv(length))) is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

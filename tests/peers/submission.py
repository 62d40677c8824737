"""A real Postfix that takes mail only from who has logged in, by one method a port; Dovecot knows the accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.peers import postfix
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix
from tests.ports import accepts, free_port, wait_until

METHODS = ("anonymous", "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")

MAIN_CF = """
smtpd_tls_security_level = may
smtpd_tls_chain_files = {root}/etc/tls.pem
smtpd_tls_received_header = yes
smtpd_sasl_authenticated_header = yes
smtpd_sasl_type = dovecot
smtpd_sasl_security_options = noanonymous
"""

SERVICE = """
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode={wrapped}
  -o smtpd_sasl_auth_enable={login}
  -o smtpd_sasl_path={path}
  -o smtpd_sasl_mechanism_filter={method}
  -o smtpd_recipient_restrictions={who}
"""


@dataclass(frozen=True)
class Submission:
    """A running instance; `ports` and `tls_ports` (TLS from the start) are by the only method that is offered there."""

    postfix: Postfix
    ports: Mapping[str, int]
    tls_ports: Mapping[str, int]

    def taken(self, text: bytes) -> str:
        """The delivered mail that holds this, with Postfix's Received field; ``""`` = none."""
        for mails in self.postfix.delivered().values():
            for raw in mails:
                if text in raw:
                    return raw.decode(errors="replace")
        return ""


def start(dovecot: Dovecot, tls_pem: bytes) -> Submission:
    """Start an instance and wait until it listens on all its ports."""
    ports = {method: free_port() for method in METHODS}
    tls_ports = {method: free_port() for method in METHODS}
    services = [
        SERVICE.format(
            port=port,
            wrapped=wrapped,
            login="no" if method == "anonymous" else "yes",
            path=dovecot.sasl,
            method=method.lower(),
            who="permit_mynetworks" if method == "anonymous" else "permit_sasl_authenticated,reject",
        )
        for numbers, wrapped in ((ports, "no"), (tls_ports, "yes"))
        for method, port in numbers.items()
    ]
    started = postfix.start(
        MAIN_CF, "tlsmgr unix - - n 1000 1 tlsmgr\n" + "".join(services).replace("{", "{{"), tls_pem
    )
    wait_until(lambda: all(map(accepts, (*ports.values(), *tls_ports.values()))), what="Postfix listening")
    return Submission(started, ports, tls_ports)

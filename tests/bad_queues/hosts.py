"""The mail hosts: one Postfix that is many hosts, each with an address, a certificate and rules of its own.

What a mail host refuses comes of Postfix's own restrictions and tables, of Dovecot's quota service (a full mailbox) and
of its log-ins; greylisting and SPF are `policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.certificate_faults import NOW
from tests.certificates import DAY, Made, authority, certificate
from tests.peers import dovecot, postfix
from tests.peers.dovecot import Dovecot
from tests.peers.namespace import Namespace
from tests.peers.postfix import Postfix

RELAY, SECURE, POP = "relay.test", "secure.test", "pop.test"
ENCRYPTED_LOGIN, MUST_ENCRYPT = "encrypted-login.test", "must-encrypt.test"

ADDRESSES: Mapping[str, str] = {
    RELAY: "127.0.1.1",
    SECURE: "127.0.1.2",
    "self-signed.test": "127.0.1.3",
    "expired.test": "127.0.1.4",
    "wrong-name.test": "127.0.1.5",
    "stranger.test": "127.0.1.6",
    "small.test": "127.0.1.7",
    "full.test": "127.0.1.8",
    "busy.test": "127.0.1.9",
    ENCRYPTED_LOGIN: "127.0.1.10",
    "no-relay.test": "127.0.1.11",
    "filter.test": "127.0.1.15",
    "block-list.test": "127.0.1.16",
    MUST_ENCRYPT: "127.0.1.17",
    POP: "127.0.0.1",
    "silent.test": "127.0.1.12",
    "dropping.test": "127.0.1.13",
    "closed.test": "127.0.1.14",
}
"""Nobody listens at the last ones, unless a case does."""

USER, PASSWORD = "ada", "pass word/9+ä"
FULL = "full@postfix.test"

TABLES: Mapping[str, str] = {
    "domains": "if !/^customer\\.test$/\n/\\.test$/ here\nendif\n",
    "mailboxes": "if !/^nobody/\n/^[a-z0-9.+-]+@[a-z0-9.-]+\\.test$/ all/\nendif\n",
    "headers": "/^Subject: .*cheap pills/ REJECT 5.7.1 This message looks like spam\n",
}

MAIN_CF = """
virtual_mailbox_domains = regexp:{folder}/domains
virtual_mailbox_maps = regexp:{folder}/mailboxes
transport_maps = inline:{{{{ customer.test=virtual: }}}}
smtpd_restriction_classes = quota
quota = check_policy_service unix:{quota}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{{{ full@postfix.test=quota }}}}, check_policy_service unix:{folder}/policy
relocated_maps = inline:{{{{ gone@postfix.test=ann@postfix.test }}}}
smtpd_sender_restrictions = reject_unknown_sender_domain
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_sasl_security_options = noanonymous
"""

MASTER_CF = """
tlsmgr unix - - n 1000 1 tlsmgr
{relay}:25 inet n - n - - smtpd
{relay}:587 inet n - n - - smtpd {tls} {login} -o smtpd_tls_chain_files={folder}/relay.pem
{relay}:465 inet n - n - - smtpd {tls} {login} -o smtpd_tls_chain_files={folder}/relay.pem -o smtpd_tls_wrappermode=yes
{filter}:25 inet n - n - - smtpd -o cleanup_service_name=filter
filter unix n - n - 0 cleanup -o header_checks=regexp:{folder}/headers
{block_list}:25 inet n - n - - smtpd -o smtpd_client_restrictions=reject_rbl_client,bl.test
{small}:25 inet n - n - - smtpd -o message_size_limit=3000
{full}:25 inet n - n - - smtpd -o queue_minfree=1000000000000000
{busy}:25 inet n - n - - smtpd -o smtpd_client_connection_count_limit=1 -o smtpd_client_event_limit_exceptions=
{no_relay}:25 inet n - n - - smtpd -o mynetworks= -o smtpd_sasl_auth_enable=yes -o {only_own}
"""
TLS = "-o smtpd_tls_security_level=may"
LOGIN = "-o smtpd_sasl_auth_enable=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
ENCRYPTING: Mapping[str, str] = {
    ENCRYPTED_LOGIN: f"{TLS} {LOGIN} -o smtpd_tls_auth_only=yes",
    MUST_ENCRYPT: "-o smtpd_tls_security_level=encrypt",
}
ONLY_OWN = "smtpd_relay_restrictions=permit_sasl_authenticated,reject_unauth_destination"

QUOTA = """
mail_plugins = quota
plugin {{
  quota = maildir:User quota
  quota_rule = *:bytes=2000
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
}}
service quota-status {{
  executable = quota-status -p postfix
  client_limit = 1
  unix_listener {root}/sasl/quota {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True)
class Certificates:
    """The one authority that the server's machine knows, another one, and each host's certificate."""

    known: Made
    stranger: Made
    hosts: Mapping[str, Made]


def make_certificates() -> Certificates:
    """One for each host that shows one."""
    known, stranger = authority(), authority("Somebody else's authority")
    hosts = {
        "relay": certificate(RELAY, known),
        POP: certificate(POP, known),
        MUST_ENCRYPT: certificate(MUST_ENCRYPT, known),
        SECURE: certificate(SECURE, known, valid=(NOW - DAY / 24, NOW + 90 * DAY)),
        ENCRYPTED_LOGIN: certificate(ENCRYPTED_LOGIN, known),
        "self-signed.test": certificate("self-signed.test"),
        "expired.test": certificate("expired.test", known, valid=(NOW - 90 * DAY, NOW - DAY)),
        "wrong-name.test": certificate("mail.example", known),
        "stranger.test": certificate("stranger.test", stranger),
    }
    return Certificates(known, stranger, hosts)


def write(folder: Path, certificates: Certificates) -> None:
    """The files that Postfix's configuration names."""
    folder.chmod(0o755)
    for name, text in TABLES.items():
        (folder / name).write_text(text)
    for name, made in certificates.hosts.items():
        (folder / f"{name}.pem").write_bytes(made.key_pem + made.pem)


def start_dovecot(certificates: Certificates, net: Namespace) -> Dovecot:
    """The mailboxes: one log-in, and one mailbox that is over its quota."""
    made = certificates.hosts[POP]
    running = dovecot.start({USER: PASSWORD}, made.key_pem + made.pem, "http://127.0.0.1:9/", QUOTA, net)
    running.put("full", b"Subject: much\r\n\r\n" + b"x" * 3000 + b"\r\n")
    return running


def start_postfix(folder: Path, mailboxes: Dovecot, certificates: Certificates, net: Namespace) -> Postfix:
    """All hosts."""
    a = ADDRESSES
    main = MAIN_CF.format(folder=folder, sasl=mailboxes.sasl, quota=mailboxes.sasl.with_name("quota"))
    named = {
        "relay": a[RELAY],
        "filter": a["filter.test"],
        "block_list": a["block-list.test"],
        "small": a["small.test"],
        "full": a["full.test"],
        "busy": a["busy.test"],
    }
    named |= {"no_relay": a["no-relay.test"], "folder": str(folder)}
    master = MASTER_CF.format(**named, tls=TLS, login=LOGIN, only_own=ONLY_OWN)
    for name in certificates.hosts.keys() & a.keys() - {POP}:
        certificate = f"-o smtpd_tls_chain_files={folder}/{name}.pem"
        master += f"{a[name]}:25 inet n - n - - smtpd {ENCRYPTING.get(name, TLS)} {certificate}\n"
    return postfix.start(main, master, net=net)

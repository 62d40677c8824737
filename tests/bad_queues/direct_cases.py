"""Direct delivery: what the DNS says of a domain, and its mail hosts."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.bad_queues.case import Case
from tests.bad_queues.hosts import ADDRESSES, RELAY, SECURE
from tests.bad_queues.site import Site
from tests.fakes.smtp_server import say

METHOD = "sending.method"
DIRECT = {METHOD: "direct"}
EDIT, REATTEMPT = "mail.edit_recipient", "mail.reattempt"


def _zone(name: str, kind: str, *records: str) -> object:
    """What puts these into the zone."""
    return lambda site: site.dns.zone.update({(name, kind): list(records)})


def _fail(site: Site) -> None:
    site.dns.broken.add("unclear.test")
    site.dns.zone["unclear.test", "MX"] = [f"10 {RELAY}."]


def _publish_a_wrong_key(site: Site) -> None:
    site.dns.zone["dane.test", "MX"] = [f"10 {SECURE}."]
    site.dns.signed |= {"dane.test", SECURE}
    site.dns.zone[f"_25._tcp.{SECURE}", "TLSA"] = ["3 1 1 " + "ab" * 32]


def _publish_the_key(site: Site) -> None:
    key = site.certificates.hosts[SECURE].certificate.public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    site.dns.zone[f"_25._tcp.{SECURE}", "TLSA"] = [f"3 1 1 {digest}"]


def _list_this_machine(site: Site) -> None:
    site.dns.zone["careful.test", "MX"] = ["10 block-list.test."]
    site.dns.zone["1.0.0.127.bl.test", "A"] = ["127.0.0.2"]
    site.dns.zone["1.0.0.127.bl.test", "TXT"] = ['"dynamic addresses"']


def _refuse_strangers(site: Site) -> None:
    site.dns.zone["strict.test", "MX"] = ["10 dropping.test."]
    site.host("dropping.test", rcpt=say("550 5.7.23 SPF validation failed"))


CASES = (
    Case(
        "direct: the server's address is on a block list",
        *("blocklisted", "or send by a relay", "options.set", METHOD),
        "sent over the relay",
        options=DIRECT,
        bring=_list_this_machine,
        to="ann@careful.test",
    ),
    Case(
        "direct: the sender's domain allows only its relay to send (SPF)",
        *("sender_not_authenticated", "or send by a relay", "options.set", METHOD),
        "sent over the relay",
        options=DIRECT,
        bring=_refuse_strangers,
        to="ann@strict.test",
    ),
    Case(
        "direct: the domain does not exist",
        *("no_such_domain", "spelling", EDIT, ""),
        "address corrected",
        options=DIRECT,
        to="ann@postfux.test",
        correct="ann@postfix.test",
    ),
    Case(
        "direct: the domain says that it takes no mail",
        *("takes_no_mail", "another address", EDIT, ""),
        "address corrected",
        options=DIRECT,
        bring=_zone("null.test", "MX", "0 ."),
        to="ann@null.test",
        correct="ann@postfix.test",
    ),
    Case(
        "direct: the domain's mail host is not in the DNS",
        *("no_mail_host", "domain's administrator", REATTEMPT, ""),
        "zone mended, reattempted",
        options=DIRECT,
        bring=_zone("no-host.test", "MX", "10 mx.no-host.test."),
        to="ann@no-host.test",
        mend=_zone("mx.no-host.test", "A", ADDRESSES[RELAY]),
    ),
    Case(
        "direct: port 25 of the domain's mail host is closed",
        *("domain_unreachable", "use a relay", "options.set", METHOD),
        "sent over the relay",
        options=DIRECT,
        bring=_zone("away.test", "MX", "10 closed.test."),
        to="ann@away.test",
        typed={METHOD: "smtp"},
    ),
    Case(
        "direct: the domain's name server fails",
        *("domain_not_looked_up", "DNS", REATTEMPT, ""),
        "name server mended, reattempted",
        options=DIRECT,
        bring=_fail,
        to="ann@unclear.test",
        mend=lambda site: site.dns.broken.clear(),
    ),
    Case(
        "direct: the host has a new key, and the domain still publishes the old one (DANE)",
        *("domain_not_secure", "domain's administrator", REATTEMPT, ""),
        "zone mended, reattempted",
        options=DIRECT,
        bring=_publish_a_wrong_key,
        to="ann@dane.test",
        mend=_publish_the_key,
    ),
)

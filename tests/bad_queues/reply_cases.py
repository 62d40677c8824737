"""What a mail host says no to: the address, the sender, the message, or everything for now."""

from __future__ import annotations

import shutil
import time

from tests.bad_queues.case import EXIM, Case
from tests.bad_queues.hosts import ADDRESSES, FULL, RELAY
from tests.bad_queues.policy import GREY_SECONDS, OWN
from tests.bad_queues.site import Site

HOST, PORT, ENCRYPTION = "sending.smtp.host", "sending.smtp.port", "sending.smtp.encryption"
EDIT, REATTEMPT, DELETE = "mail.edit_recipient", "mail.reattempt", "mail.delete"


def _make_room(site: Site) -> None:
    """The mailbox's owner deletes their mail."""
    shutil.rmtree(site.dovecot.root / "mail" / "full")


def _publish_spf(site: Site, record: str) -> None:
    site.dns.zone["example-sender.test", "TXT"] = [f'"{record}"']


def _another_machine(site: Site, host: str) -> None:
    """The host's name belongs to a better machine from now on."""
    site.dns.zone[host, "A"] = [ADDRESSES[RELAY]]


CASES = (
    Case(
        "the recipient is unknown at the host",
        *("address_rejected", "correct it", EDIT, ""),
        "address corrected",
        to="nobody.knows@postfix.test",
        correct="ann@postfix.test",
    ),
    Case(
        "the recipient has moved",
        *("user_moved", "Enter the new address", EDIT, ""),
        "new address entered",
        to="gone@postfix.test",
        correct="ann@postfix.test",
    ),
    Case(
        "the recipient's mailbox is full",
        *("mailbox_full", "Tell the recipient", REATTEMPT, ""),
        "room made, reattempted",
        to=FULL,
        mend=_make_room,
    ),
    Case(
        "the host greylists",
        *("greylisted", "passes by itself", REATTEMPT, ""),
        "time passed, reattempted",
        is_patient=True,
        to="grey@postfix.test",
        mend=lambda site: time.sleep(GREY_SECONDS),
    ),
    Case(
        "the host refuses the sender for its SPF record",
        *("relay_not_authorised", "SPF", REATTEMPT, ""),
        "SPF record mended, reattempted",
        sender="office@example-sender.test",
        bring=lambda site: _publish_spf(site, "v=spf1 -all"),
        mend=lambda site: _publish_spf(site, f"v=spf1 {OWN} -all"),
    ),
    Case(
        "the sender's domain does not exist",
        *("sender_domain_unknown", "have its domain get an MX", REATTEMPT, ""),
        "zone mended, reattempted",
        is_patient=True,
        sender="office@unknown.example",
        mend=lambda site: site.dns.zone.update({("unknown.example", "MX"): ["10 relay.test."]}),
    ),
    Case(
        "the message is larger than the host takes",
        *("message_too_large", "sent anew without the large part", DELETE, ""),
        "deleted, sent anew without the large part",
        options={HOST: "small.test"},
        body="much " * 1000,
    ),
    Case(
        "the host's filter takes it for spam",
        *("spam", "let this sender in", REATTEMPT, ""),
        "host without that filter under the name, reattempted",
        options={HOST: "filter.test"},
        subject="cheap pills",
        mend=lambda site: _another_machine(site, "filter.test"),
    ),
    Case(
        "somebody else here uses all the connections that the host allows",
        *("too_many_connections", "fewer connections", "options.set", "sending.timing.connections"),
        "half as many connections",
        is_patient=True,
        options={HOST: "busy.test"},
        bring=lambda site: site.connect("busy.test"),
        mend=lambda site: site.hang_up(),
    ),
    Case(
        "the host's disk is full",
        *("host_full", "host's administrator", REATTEMPT, ""),
        "another machine for the host, reattempted",
        is_patient=True,
        options={HOST: "full.test"},
        mend=lambda site: _another_machine(site, "full.test"),
    ),
    Case(
        "the recipient's address is beyond ASCII, and the host knows no SMTPUTF8",
        *("not_ascii", "address in ASCII", EDIT, ""),
        "address corrected",
        to="jürgen@postfix.test",
        header_to="somebody@postfix.test",
        correct="juergen@postfix.test",
    ),
    Case(
        "an address in the header is beyond ASCII, and the host knows no SMTPUTF8",
        *("needs_smtputf8", "host that offers SMTPUTF8", "options.set", HOST),
        "another host",
        header_to="jürgen@postfix.test",
        typed=lambda site: {HOST: "127.0.0.1", PORT: site.exim.ports["anonymous"], ENCRYPTION: "none"},
        arrives=EXIM,
    ),
)

"""Why a host refuses, from real replies: by code first, by words second, and none where nobody can know."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import bounce_reasons, bounces, corpus
from tests.unit.reply_samples import SAMPLES
from trackkit.domain import reply_codes
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Stage, outcome_of
from trackkit.domain.reply_reasons import LOGIN_TEXTS, TEXTS, reason_of

R = Reason

REPLIES = [
    (550, "5.1.1 The email account that you tried to reach does not exist. Please try double-checking", R.unknown_user),
    (550, "5.1.1 <bob@b.test>: Recipient address rejected: User unknown in virtual mailbox table", R.unknown_user),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", R.unknown_user),
    (550, "Unrouteable address", R.unknown_user),
    (550, "sorry, no mailbox here by that name (#5.1.1)", R.unknown_user),
    (554, "delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com) [0]", R.unknown_user),
    (450, "4.1.1 <bob@b.test>: Recipient address rejected: User unknown in local recipient table", R.unknown_user),
    (550, "5.2.1 The email account that you tried to reach is disabled.", R.mailbox_disabled),
    (554, "30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30).", R.mailbox_disabled),
    (525, "5.7.13 User account disabled", R.mailbox_disabled),
    (552, "5.2.2 The recipient's inbox is out of storage space and inactive.", R.mailbox_full),
    (452, "4.2.2 Mailbox full", R.mailbox_full),
    (552, "5.2.2 <bob@icloud.com>: user is over quota", R.mailbox_full),
    (551, "5.1.6 recipient no longer on server", R.user_moved),
    (551, "User not local; please try <bob@c.test>", R.user_moved),
    (550, "5.1.2 <bob@b.test>: Recipient address rejected: Domain not found", R.unknown_domain),
    (556, "5.1.10 b.test does not accept mail", R.takes_no_mail),
    (521, "mail.b.test does not accept mail", R.takes_no_mail),
    (554, "5.7.1 <bob@b.test>: Relay access denied", R.relaying_denied),
    (550, "5.7.1 Relaying denied. Proper authentication required.", R.relaying_denied),
    (550, "relay not permitted", R.relaying_denied),
    (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", R.relaying_denied),
    (550, "5.7.64 TenantAttribution; Relay Access Denied", R.relaying_denied),
    (530, "5.7.0 Must issue a STARTTLS command first", R.tls_required),
    (421, "4.7.0 TLS required for RCPT domain, closing connection.", R.tls_required),
    (530, "5.7.57 Client not authenticated to send mail.", R.login_required),
    (530, "5.7.0 Authentication required", R.login_required),
    (550, "port 25 is not for mail programs, please use port 587", R.other_port),
    (553, "5.1.8 <ada@a.test>... Domain of sender address ada@a.test does not exist", R.sender_rejected),
    (450, "4.1.8 <ada@a.test>: Sender address rejected: Domain not found", R.sender_rejected),
    (553, "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", R.sender_rejected),
    (554, "Message rejected: Email address is not verified.", R.sender_rejected),
    (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", R.not_authorised),
    (550, "5.7.1 RESOLVER.RST.AuthRequired; authentication required", R.not_authorised),
    (550, "only members may post to this list: you are not allowed to post", R.not_authorised),
    (550, "5.7.26 Unauthenticated email from a.test is not accepted due to domain's DMARC policy.", R.authentication),
    (550, "5.7.509 Access denied, sending domain a.test does not pass DMARC verification", R.authentication),
    (550, "5.7.23 The message was rejected because of Sender Policy Framework violation", R.authentication),
    (550, "Reject due to SPF policy.", R.authentication),
    (421, "4.7.27 Your email has been rate limited because SPF authentication did not pass", R.authentication),
    (550, "5.7.25 The IP address sending this message does not have a PTR record setup", R.reverse_dns),
    (450, "4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", R.reverse_dns),
    (504, "5.5.2 <x>: Helo command rejected: need fully-qualified hostname", R.reverse_dns),
    (554, "No SMTP service. Bad DNS PTR resource record.", R.reverse_dns),
    (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", R.blocklisted),
    (550, "5.7.606 Access denied, banned sending IP [192.0.2.1].", R.blocklisted),
    (550, "5.7.1 part of their network is on our block list (S3140).", R.blocklisted),
    (554, "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", R.blocklisted),
    (553, "5.7.1 [BL21] Connections will not be accepted from 192.0.2.1", R.blocklisted),
    (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", R.reputation),
    (451, "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.", R.reputation),
    (421, "4.7.0 Our system has detected an unusual rate of unsolicited mail", R.reputation),
    (450, "4.2.1 The user you are trying to contact is receiving mail too quickly.", R.rate_limited),
    (421, "4.7.1 Messages to bob@icloud.com deferred due to excessive volume.", R.rate_limited),
    (421, "4.7.28 Our system has detected a flood of mail", R.rate_limited),
    (421, "4.7.0 mx.b.test Error: too many connections from 192.0.2.1", R.too_many_connections),
    (421, "mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. OFR_104", R.too_many_connections),
    (452, "4.5.3 Error: too many recipients", R.too_many_recipients),
    (550, "5.4.5 Daily user sending limit exceeded.", R.sending_quota),
    (550, "5.2.2 Submission quota exceeded", R.sending_quota),
    (550, "5.7.705 Access denied, tenant has exceeded threshold", R.account_blocked),
    (550, "5.1.8 Access denied, bad outbound sender", R.account_blocked),
    (450, "4.2.0 <bob@b.test>: Recipient address rejected: Greylisted", R.greylisted),
    (451, "Internal resources are temporarily unavailable - see mimecast", R.greylisted),
    (552, "5.3.4 Message size exceeds fixed maximum message size", R.too_large),
    (552, "5.2.3 Your message exceeded our message size limits.", R.too_large),
    (550, "5.7.1 Our system has detected that this message is likely unsolicited mail.", R.spam),
    (554, "5.7.1 This message has been identified as spam", R.spam),
    (554, "5.7.0 Reject, id=20025-09 - SPAM", R.spam),
    (550, "This message contains a virus (Eicar-Test-Signature).", R.virus),
    (550, "5.7.1 Messages with multiple addresses in From: header are not accepted.", R.content),
    (552, "5.7.0 This message was blocked because its content presents a potential security issue.", R.content),
    (554, "5.7.9 Message not accepted for policy reasons.", R.policy),
    (550, "5.7.1 [CS01] Message rejected due to local policy.", R.policy),
    (550, "5.7.1 Access denied", R.access_denied),
    (554, "5.7.1 <bob@b.test>: Recipient address rejected: Access denied", R.access_denied),
    (550, "5.4.1 Recipient address rejected: Access denied. AS(201806281) [x.outlook.com]", R.unknown_user),
    (553, "5.6.7 Non-ASCII addresses not permitted", R.not_ascii),
    (554, "5.4.6 Too many hops", R.loop),
    (452, "4.3.1 Insufficient system storage", R.host_full),
    (451, "4.3.0 Error: queue file write error", R.host_trouble),
    (451, "4.3.2 Internal server error", R.host_trouble),
    (451, "4.4.3 Temporary failure in name server lookup", R.host_dns),
    (550, "5.4.316 Message expired, connection refused", R.unreachable),
    (550, "4.4.7 QUEUE.Expired; message expired", R.expired),
    (503, "5.5.1 Bad sequence of commands", R.protocol),
]

UNKNOWN = [
    (550, "Rejected"),
    (550, "5.7.1 Message refused"),
    (550, "Requested action not taken: mailbox unavailable"),
    (450, "Requested mail action not taken: mailbox unavailable"),
    (451, "Please try again later"),
    (421, "Service refused, please try later"),
    (554, "5.0.0 no"),
    (550, "5.7.1 xyzzy"),
    (550, "Abgelehnt."),
    (550, ""),
]
"""What says no more than no."""

LOGINS = [
    (535, "5.7.8 Username and Password not accepted.", R.password),
    (535, "5.7.3 Authentication unsuccessful", R.password),
    (535, "authentication failed", R.password),
    (535, "no", R.password),
    (534, "5.7.9 Application-specific password required.", R.app_password),
    (534, "5.7.14 Please log in via your web browser and then try again.", R.app_password),
    (
        535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
        R.login_switched_off,
    ),
    (
        535,
        "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy",
        R.login_switched_off,
    ),
    (535, "5.7.12 A password transition is needed", R.password_expired),
    (535, "5.7.0 your password has expired", R.password_expired),
    (535, "5.7.0 account is locked", R.login_blocked),
    (454, "4.7.0 Too many login attempts, please try again later.", R.login_blocked),
    (454, "4.7.0 Temporary authentication failure", None),
    (451, "try later", None),
]


@pytest.mark.parametrize(("code", "text", "reason"), REPLIES, ids=lambda value: str(value)[:40])
def test_a_reply_says_why(code: int, text: str, reason: Reason) -> None:
    assert outcome_of(Stage.recipient, code, text).reason is reason


@pytest.mark.parametrize(("code", "text"), UNKNOWN)
def test_what_says_nothing_is_not_guessed(code: int, text: str) -> None:
    outcome = outcome_of(Stage.recipient, code, text)
    assert (outcome.failure, outcome.reason) == (Failure.replied, None)


@pytest.mark.parametrize(("code", "text", "reason"), LOGINS, ids=lambda value: str(value)[:40])
def test_a_refused_log_in_says_why(code: int, text: str, reason: Reason | None) -> None:
    assert outcome_of(Stage.login, code, text).reason is reason


def test_every_reason_of_a_reply_has_a_sample() -> None:
    seen_by_the_machine_itself = {R.network_down, R.dns_down, R.port_wants_tls, R.not_valid_yet}
    assert {reason for *_, reason in REPLIES + LOGINS} == {None, *Reason} - seen_by_the_machine_itself


def test_what_is_accepted_has_no_reason() -> None:
    assert outcome_of(Stage.final_dot, 250, "2.0.0 user unknown to nobody").reason is None


def test_further_lines_and_their_codes_do_not_matter() -> None:
    text = "5.7.26 Unauthenticated email from a.test is not\n5.7.26 accepted due to domain's DMARC\r\n5.7.26 policy."
    assert outcome_of(Stage.final_dot, 550, text).reason is R.authentication
    assert reason_of(550, "", "The user\n 550-5.1.1 you are trying to contact is receiving\n mail too quickly") is (
        R.rate_limited
    )


@pytest.mark.parametrize("group", [*TEXTS, *LOGIN_TEXTS], ids=lambda group: group.source[:30])
def test_each_group_says_where_its_words_are_from(group: object) -> None:
    source, texts = group.source, group.texts  # type: ignore[attr-defined]
    assert len(source) > 20
    assert texts
    assert all(pattern.search("") is None for _, pattern in texts), "a pattern matches everything"


@given(st.none() | st.integers(0, 999), st.text(max_size=12), st.text(max_size=3000), st.booleans())
def test_nonsense_is_no_error(code: int | None, enhanced: str, text: str, login: bool) -> None:
    reason_of(code, enhanced, text, login=login)


@pytest.mark.parametrize(
    "piece", ["user ", "message too ", "(", "not ", "mail from " * 3, "550-5.1.1 ", "a" * 50, "sender's address "]
)
def test_a_long_reply_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    reason_of(550, "", piece * (100_000 // len(piece)))
    assert time.process_time() - started < 1, "some pattern takes more than time in proportion"


def test_real_bounces_have_their_reasons() -> None:
    """The floor for the score on real bounces, and what it is measured against: codes alone."""
    folder = corpus.FOLDER / "bounces"
    if not (folder / "expected.csv").is_file():
        pytest.skip(corpus.MISSING)
    lines, none, unread = bounce_reasons.scores(folder)
    right = sum(bounce_reasons.right(line.wanted, line.ours) for line in lines)
    codes = sum(bounce_reasons.right(line.wanted, line.codes) for line in lines)
    wrong = sum(line.ours is not None and not bounce_reasons.right(line.wanted, line.ours) for line in lines)
    assert len(lines) > 250
    assert right / len(lines) >= 0.92
    assert wrong / len(lines) <= 0.05, "rather no reason than a wrong one"
    assert right > 2 * codes
    assert (none, unread) == (14, 0)


def test_codes_alone_know_their_registry() -> None:
    assert reply_codes.of_codes_alone(550, "5.2.2") is R.mailbox_full
    assert reply_codes.of_codes_alone(450, "4.2.1") is None
    assert reply_codes.of_codes_alone(550, "5.7.617") is R.blocklisted
    assert reply_codes.of_codes_alone(550, "5.7.²") is None
    assert reply_codes.of_codes_alone(None, "") is None


def test_what_is_documented_is_recognised() -> None:
    wrong = []
    for line in SAMPLES.strip().splitlines():
        wanted, _, reply = line.partition(" | ")
        code, _, text = reply.partition(" ")
        found = outcome_of(Stage.recipient, int(code), text).reason
        if str(found) != wanted:
            wrong.append(f"{line}: {found}")
    assert wrong == []


def test_bounces_are_read_whatever_ends_their_lines_and_whatever_is_wrong_with_them() -> None:
    folder = corpus.FOLDER / "bounces"
    if not folder.is_dir():
        pytest.skip(corpus.MISSING)
    for path in sorted(folder.glob("*.eml"))[::4]:
        raw = path.read_bytes().replace(b"\r\n", b"\n")
        told = bounces.read(raw)
        assert bounces.read(raw.replace(b"\n", b"\r\n")) == told
        assert bounces.read(raw.replace(b"\n", b"\r")) == told
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(600))
    bounces.read(nested + b"\n550 5.1.1 User unknown")
    for raw in corpus.messages().values():
        bounces.read(raw)

"""Each row of the diagnosis is reached by some evidence: a sample for each, and what it offers fits the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from trackkit.domain import options
from trackkit.domain.delivery import State
from trackkit.domain.diagnosis import TABLE, diagnose
from trackkit.domain.evidence import Evidence
from trackkit.domain.message import MailType
from trackkit.domain.options import Options
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY: Mapping[str, Any] = {"sending.smtp.host": "mail.test"}
DIRECT: Mapping[str, Any] = {"sending.method": "direct"}
MAPI: Mapping[str, Any] = {"sending.mapi.enabled": True, "sending.method": "mapi"}
TOKENS: Mapping[str, Any] = READY | {
    "sending.smtp.authentication": "oauth2",
    "sending.smtp.username": "ada@b.test",
    "sending.oauth2.token_url": "https://login.test/token",
    "sending.oauth2.client_id": "trackkit",
    "sending.oauth2.refresh_token": SecretStr("r"),
}


def chosen(given: Mapping[str, Any]) -> Options:
    return options.changed(Options(), dict(given))


def seen(state: State, last: Outcome | None = None, given: Mapping[str, Any] = READY, **more: Any) -> Evidence:
    due = more.pop("due", NOW + timedelta(minutes=5))
    return Evidence(state, due, chosen(given), NOW, "bob@b.test", 1, last, **more)


def said(code: int, text: str, stage: Stage = Stage.recipient, given: Mapping[str, Any] = READY) -> Evidence:
    return seen(State.failed if code >= 500 else State.deferred, outcome_of(stage, code, text), given)


def broke(
    failure: Failure,
    stage: Stage = Stage.connect,
    given: Mapping[str, Any] = READY,
    to: MailType = MailType.internet,
    **more: Any,
) -> Evidence:
    last = Outcome(Verdict.temporary, stage, failure, text="so", **more)
    return seen(State.deferred, last, given, mail_type=to)


SAMPLES = {
    "deleted": seen(State.deleted),
    "held": seen(State.held),
    "sending": seen(State.active),
    "paused": seen(State.queued, None, {**READY, "sending.paused": True}),
    "not_configured": seen(State.queued, None, {}),
    "mapi_off": seen(State.queued, mail_type=MailType.mapi),
    "mapi_paused": seen(State.queued, None, {**MAPI, "sending.mapi.paused": True}),
    "outside_schedule": seen(
        State.queued, None, {**READY, "sending.timing.schedule": "Mon-Fri 08:00-18:00"}, due=NOW, opens_at=NOW
    ),
    "over_the_limit": seen(
        State.queued, None, {**READY, "sending.timing.messages_per_minute": 3}, due=NOW, room_at=NOW
    ),
    "not_ascii": said(553, "5.6.7 Non-ASCII addresses not permitted"),
    "may_have_arrived": seen(
        State.deferred, Outcome(Verdict.unknown, Stage.final_dot, Failure.dropped, text="the host hung up")
    ),
    "sender_domain_unknown": said(450, "4.1.8 <a@a.test>: Sender address rejected: Domain not found"),
    "needs_smtputf8": said(550, "5.6.9 UTF-8 header message cannot be transferred", Stage.final_dot),
    "header_not_ascii": said(550, "5.6.9 UTF-8 header message cannot be transferred", Stage.final_dot, DIRECT),
    "relay_not_authorised": said(550, "5.7.23 SPF validation failed", Stage.sender),
    "pickup_folder": broke(Failure.pickup_folder),
    "method_needs_windows": broke(Failure.no_mapi, given=MAPI),
    "no_mapi": broke(Failure.no_mapi, given=MAPI, to=MailType.mapi),
    "mapi_login": broke(Failure.mapi_login, given=MAPI),
    "mapi_recipient": broke(Failure.mapi_recipient, given=MAPI),
    "mapi_failing": broke(Failure.mapi_failed, given=MAPI),
    "wrong_mail_host": said(554, "5.7.1 <bob@b.test>: Relay access denied", given=DIRECT),
    "relaying_denied": said(554, "5.7.1 <bob@b.test>: Relay access denied"),
    "login_required": said(530, "5.7.0 Authentication required", Stage.sender),
    "tls_required": said(530, "5.7.0 Must issue a STARTTLS command first", Stage.sender),
    "other_port": said(550, "please use port 587", Stage.sender),
    "sender_not_authenticated": said(550, "5.7.26 Unauthenticated email from a.test", Stage.final_dot, DIRECT),
    "reverse_dns": said(550, "5.7.25 no PTR record", Stage.sender),
    "blocklisted": said(554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    "reputation": said(421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred"),
    "access_denied": said(550, "5.7.1 Access denied", given=DIRECT),
    "rate_limited": said(450, "4.2.1 The user is receiving mail too quickly"),
    "too_many_connections": said(421, "4.7.0 Error: too many connections from 192.0.2.1", Stage.greeting),
    "too_many_recipients": said(452, "4.5.3 Error: too many recipients"),
    "sending_quota": said(550, "5.4.5 Daily user sending limit exceeded", Stage.sender),
    "account_blocked": said(550, "5.7.705 Access denied, tenant has exceeded threshold", Stage.sender),
    "mailbox_full": said(452, "4.2.2 The recipient's inbox is out of storage space"),
    "mailbox_disabled": said(550, "5.2.1 The email account that you tried to reach is disabled"),
    "user_moved": said(551, "5.1.6 User has moved to bob@c.test"),
    "unknown_domain": said(550, "5.1.2 Domain not found"),
    "not_authorised": said(550, "5.7.133 Sender not authenticated for group"),
    "message_too_large": said(552, "5.3.4 Message too large", Stage.sender),
    "virus": said(554, "5.7.0 This message contains a virus", Stage.final_dot),
    "spam": said(554, "5.7.1 This message has been identified as spam", Stage.final_dot),
    "content": said(552, "5.7.0 blocked because its content presents a potential issue", Stage.final_dot),
    "policy": said(554, "5.7.9 Message not accepted for policy reasons", Stage.final_dot),
    "loop": said(554, "5.4.6 Too many hops", Stage.final_dot),
    "greylisted": said(450, "4.2.0 Greylisted"),
    "host_full": said(452, "4.3.1 Insufficient system storage", Stage.sender),
    "host_dns": said(451, "4.4.3 Temporary failure in name server lookup", Stage.sender),
    "next_host_unreachable": said(450, "4.4.1 Connection timed out", Stage.final_dot),
    "expired_at_host": said(554, "5.4.7 Delivery time expired", Stage.final_dot),
    "protocol": said(503, "5.5.1 Bad sequence of commands", Stage.data),
    "host_trouble": said(451, "4.3.2 Internal server error", Stage.final_dot),
    "address_rejected": said(550, "5.1.1 User unknown"),
    "sender_rejected": said(553, "5.1.7 Sender address rejected", Stage.sender),
    "message_rejected": said(554, "5.0.0 No", Stage.final_dot),
    "no_such_domain": broke(Failure.no_such_domain, Stage.name),
    "takes_no_mail": said(556, "5.1.10 b.test does not accept mail"),
    "no_mail_host": broke(Failure.no_mail_host, Stage.name),
    "network_down": broke(Failure.refused, reason=Reason.network_down),
    "dns_down": broke(Failure.timed_out, Stage.name, reason=Reason.dns_down),
    "certificate_not_valid_yet": broke(Failure.tls_untrusted, Stage.certificate, reason=Reason.not_valid_yet),
    "not_a_mail_host": broke(Failure.garbled, Stage.greeting),
    "domain_not_looked_up": broke(Failure.name_not_resolved, Stage.name, DIRECT),
    "domain_unreachable": broke(Failure.timed_out, given=DIRECT),
    "domain_not_secure": broke(Failure.tls_untrusted, Stage.certificate, DIRECT),
    "host_name_unknown": broke(Failure.name_not_resolved, Stage.name),
    "port_wants_tls": broke(Failure.timed_out, Stage.greeting, reason=Reason.port_wants_tls),
    "host_unreachable": broke(Failure.refused),
    "tls_untrusted": broke(Failure.tls_untrusted, Stage.certificate),
    "tls_not_possible": broke(Failure.tls_not_offered, Stage.starttls),
    "pop_unreachable": broke(Failure.pop_unreachable, Stage.pop),
    "pop_not_encrypted": broke(Failure.pop_not_encrypted, Stage.pop),
    "pop_untrusted": broke(Failure.pop_untrusted, Stage.pop),
    "pop_refused": broke(Failure.pop_refused, Stage.pop),
    "token_refused": broke(Failure.token_refused, Stage.login, TOKENS),
    "token_not_had": broke(Failure.token_not_had, Stage.login, TOKENS),
    "login_switched_off": said(535, "5.7.139 SmtpClientAuthentication is disabled for the Tenant", Stage.login),
    "app_password": said(534, "5.7.9 Application-specific password required", Stage.login),
    "password_expired": said(535, "5.7.0 your password has expired", Stage.login),
    "login_blocked": said(535, "5.7.0 account is locked", Stage.login),
    "token_not_taken": said(535, "5.7.8 no", Stage.login, TOKENS),
    "login_not_offered": broke(Failure.login_not_offered, Stage.login),
    "login_not_checked": said(454, "4.7.0 Temporary authentication failure", Stage.login),
    "login_refused": said(535, "5.7.8 Username and Password not accepted", Stage.login),
    "host_failing": broke(Failure.dropped, Stage.final_dot),
    "interrupted": broke(Failure.interrupted, Stage.final_dot),
    "defect": broke(Failure.defect, Stage.data),
    "expired": seen(State.failed, outcome_of(Stage.recipient, 451, "later")),
    "deferred_by_host": said(451, "later"),
    "unknown_reply": said(599, "what", Stage.ehlo),
    "waiting": seen(State.deferred),
    "new": seen(State.queued),
    "finished": seen(State.sent),
}
"""By cause."""


@pytest.mark.parametrize("cause", [row.cause for row in TABLE])
@pytest.mark.spec("5: Each message and the queue as a whole carry a diagnosis in plain words with the fix")
def test_a_row_is_reached(cause: str) -> None:
    found = diagnose(SAMPLES[cause])
    assert found.cause == cause
    assert "{" not in found.words + found.next_step
    last = SAMPLES[cause].last
    if last is not None and last.failure is Failure.replied:
        assert str(last.smtp_code) in found.words, "what the host said is shown"


def test_there_is_a_sample_for_each_row_and_no_other() -> None:
    assert set(SAMPLES) == {row.cause for row in TABLE}


@pytest.mark.parametrize("evidence", SAMPLES.values(), ids=SAMPLES)
def test_what_is_offered_fits_what_is_set(evidence: Evidence) -> None:
    """A fix changes something, its values are valid, and it is what the row names."""
    found = diagnose(evidence)
    if found.fix is None:
        return
    assert found.fix.operation == found.operation
    assert found.fix.words
    if found.fix.changes:
        assert options.changed(evidence.options, dict(found.fix.changes)) != evidence.options


def test_what_is_not_tried_again_says_why() -> None:
    away = Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="connection refused")
    assert diagnose(seen(State.failed, away)).next_step.endswith(
        "The days to keep trying are over, so it has failed: reattempt when the cause is gone."
    )
    full = outcome_of(Stage.recipient, 552, "5.2.2 Mailbox full")
    assert "It is not tried again by itself" in diagnose(seen(State.failed, full)).next_step


@pytest.mark.parametrize("cause", sorted(SAMPLES.keys() - {"interrupted"}))  # that never fails
def test_where_it_has_failed_there_is_something_to_do(cause: str) -> None:
    failed = replace(SAMPLES[cause], state=State.failed)
    if failed.last is not None:
        assert not diagnose(failed).next_step.startswith("Nothing:")


def test_fixes_name_what_the_evidence_says() -> None:
    def fix(cause: str, **more: Any) -> Mapping[str, Any]:
        given = SAMPLES[cause]
        changed = options.changed(given.options, {name.replace("__", "."): value for name, value in more.items()})
        found = diagnose(Evidence(given.state, given.next_attempt_at, changed, NOW, given.address, 1, given.last))
        return found.fix.changes if found.fix else {}

    assert fix("port_wants_tls") == {"sending.smtp.encryption": "tls"}
    assert fix("port_wants_tls", sending__smtp__encryption="tls") == {}
    assert fix("tls_required") == {"sending.smtp.encryption": "starttls"}
    assert fix("tls_required", sending__smtp__encryption="starttls") == {}
    assert fix("other_port") == {"sending.smtp.port": 587}
    assert fix("too_many_connections") == {"sending.timing.connections": 2}
    assert fix("too_many_connections", sending__timing__connections=1) == {}
    assert fix("rate_limited") == {}
    assert fix("rate_limited", sending__timing__messages_per_minute=60) == {"sending.timing.messages_per_minute": 30}
    assert fix("blocklisted") == {}
    assert fix("blocklisted", sending__method="direct") == {"sending.method": "smtp"}
    assert fix("tls_not_possible") == {}, "the host offers none: what it offers is not known"
    assert fix("tls_not_possible", sending__smtp__port=465) == {"sending.smtp.encryption": "tls"}
    assert fix("tls_not_possible", sending__smtp__encryption="tls") == {"sending.smtp.encryption": "starttls"}


replies = st.builds(
    lambda *parts: Outcome(*parts[:6], reason=parts[6]),
    st.sampled_from(Verdict),
    st.sampled_from(Stage),
    st.none() | st.sampled_from(Failure),
    st.none() | st.integers(0, 999),
    st.text(max_size=10),
    st.text(max_size=100),
    st.none() | st.sampled_from(Reason),
)
settings = st.sampled_from(
    [READY, DIRECT, MAPI, TOKENS, {}, {**READY, "sending.method": "direct-then-smtp", "sending.smtp.port": 465}]
)
times = st.none() | st.datetimes(timezones=st.just(UTC))


@given(
    st.sampled_from(State),
    st.none() | replies,
    settings.map(chosen),
    st.text(max_size=20),
    times,
    times,
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(MailType),
)
def test_nonsense_has_exactly_one_diagnosis_in_words(
    state: State,
    last: Outcome | None,
    options_: Options,
    address: str,
    opens: datetime | None,
    room: datetime | None,
    due: datetime,
    mail_type: MailType,
) -> None:
    found = diagnose(Evidence(state, due, options_, NOW, address, 1, last, opens, room, mail_type))
    assert found.cause in SAMPLES
    assert found.title
    assert found.words
    assert found.next_step

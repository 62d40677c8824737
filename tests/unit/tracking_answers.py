"""A proper answer to each operation of e-mail tracking, of the server's side and of a project's."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from trackkit.contract import email_answers, inbox, project_mail, tracking
from trackkit.contract.operation import Done
from trackkit.domain.tracking.inbox import InboxState

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

MAILBOX = tracking.MailboxView(
    mailbox="tracking@mail.example:995",
    databases=("sample",),
    address="tracking@example.org",
    polled_at=NOW,
    succeeded_at=NOW,
    failing_since=None,
    failure="",
    words="",
    advice="",
    conversation="",
    waiting=0,
    waiting_since=None,
)
FAILING = MAILBOX.model_copy(
    update={
        "mailbox": "other@pop.example:110",
        "databases": ("Apollo",),
        "failing_since": NOW - timedelta(hours=2),
        "failure": "login",
        "words": "pop.example:110 refused the log-in as other.",
        "advice": "Check the account name and the password.",
        "conversation": "> PASS ***\n< -ERR no",
        "waiting": 3,
        "waiting_since": NOW - timedelta(hours=2),
    }
)
ROUND_TRIP = tracking.RoundTripView(
    mailbox="tracking@mail.example:995", queue_id="Q7", sent_at=NOW - timedelta(minutes=5), returned_at=NOW
)
STATUS = tracking.TrackingStatus(
    enabled=True,
    mailboxes=(MAILBOX, FAILING),
    counts={"attached": 12, "quarantined": 1},
    round_trips=(ROUND_TRIP,),
    key_id=2,
    keys=2,
)
TITLES = (
    "Sending works over SMTP and is enabled",
    "The tracking account is set",
    "The project enables sending",
    "The project enables tracking",
    "The project has a notification account",
    "Users have valid addresses",
    "Templates",
    "Security groups have the commands",
)
CHECK = tracking.Check(
    database="a",
    steps=tuple(
        tracking.CheckStep(
            number=number,
            title=title,
            done=number != 4,
            words="It is off." if number == 4 else "As it should be.",
            advice="Switch it on." if number == 4 else "",
            option="tracking" if number == 4 else "",
        )
        for number, title in enumerate(TITLES, 1)
    ),
    ready=False,
)
MAIL_SETTINGS = tracking.ProjectMailSettings(
    database="a",
    revision=3,
    values={
        "tracking": False,
        "notification_name": "",
        "notification_address": "",
        "letter": False,
        "letter_template": None,
        "letter_hours": 24,
        "mailbox.host": None,
        "mailbox.port": None,
        "mailbox.encryption": None,
        "mailbox.username": None,
        "mailbox.address": None,
        "mailbox.subaddressing": None,
        "mailbox.remove_untracked": None,
    },
    set_secrets=("mailbox.password",),
    inherited={"mailbox.host": "mail.example", "mailbox.port": 995, "mailbox.subaddressing": True},
)
INBOX_MAIL = inbox.InboxMail(
    inbox_id=5,
    mailbox="tracking@mail.example:995",
    fetched_at=NOW,
    state="quarantined",
    rule="cookie",
    reason="Its cookies contradict each other.",
    kind="human",
    author="mallory@example.net",
    subject="Re: [#12] It stops",
    size=1234,
    sha256="0" * 64,
    database="",
    record="",
    email=None,
    kept=True,
)
REPLAY = inbox.Replay(
    state="quarantined",
    rule="cookie",
    reason="Its cookies contradict each other.",
    rules=(
        inbox.RuleVerdict(rule="size", title="Size", verdict="passed", words="1,234 bytes.", decides=False),
        inbox.RuleVerdict(
            rule="cookie",
            title="Tracking cookie",
            verdict="conflicting",
            words="The subject names defect 12, the address defect 13.",
            decides=True,
        ),
    ),
    database="a",
    record="defect 12",
    email=4,
    kind="human",
    author="mallory@example.net",
    standing="unknown",
    authentication="mx.example.org: dkim=none, spf=softfail",
    subject="Re: [#12] It stops",
    sent_at=NOW,
    pieces=(
        inbox.ReplayPiece(text="It starts again.\n", kept=True),
        inbox.ReplayPiece(text="> It stops\n", kept=False),
    ),
    files=("log.txt",),
    problems=("Its date cannot be read.",),
    advice="File it with a record, or discard it.",
)
RECIPIENT = project_mail.EmailRecipient(
    address="customer@example.com", outcome="", status_code="", hard=None, text="", at=None
)
EMAIL = project_mail.EmailView(
    number=4,
    record="defect 12",
    direction="sent",
    origin="person",
    tracked=True,
    answers=None,
    user="anna",
    standing="known",
    sender="anna@example.org",
    recipients=(RECIPIENT,),
    subject="It stops",
    beginning="When does it stop?",
    queue_id="Q8",
    at=NOW,
    files=0,
)
ANSWER = EMAIL.model_copy(
    update={
        "number": 5,
        "direction": "received",
        "answers": 4,
        "user": "",
        "standing": "unknown",
        "sender": "customer@example.com",
        "recipients": (RECIPIENT.model_copy(update={"address": "tracking@example.org"}),),
        "subject": "Re: It stops",
        "beginning": "At night.",
        "queue_id": "",
        "at": NOW + timedelta(hours=3),
        "files": 1,
    }
)
EMAIL_FILE: dict[str, Any] = {"file_id": 9, "name": "log.txt", "size": 2, "sha256": "0" * 64}
DETAIL = project_mail.EmailDetail(
    email=ANSWER,
    text="At night.",
    cut="> When does it stop?",
    html="<p>At <b>night</b>.</p>",
    message_id="<r@example.com>",
    problems=("Its date cannot be read.",),
    files=(project_mail.EmailFile(**EMAIL_FILE),),
    replies=(),
    size=1234,
    sha256="0" * 64,
)
PREVIEW = project_mail.TemplatePreview(
    record="defect 12", subject="It stops", text="Dear customer", problems=(), names=("record.title", "user.name")
)
RAW = b"Subject: Re: It stops\r\n\r\nAt night.\xff"


def answers() -> dict[str, Any]:
    """By operation."""
    raw = base64.b64encode(RAW)
    return {
        "tracking.status": STATUS,
        "tracking.check": CHECK,
        "tracking.settings": MAIL_SETTINGS,
        "tracking.set": MAIL_SETTINGS,
        "tracking.poll": tracking.Polled(
            mailboxes=(tracking.PolledMailbox(mailbox=MAILBOX.mailbox, fetched=2, removed=2, words=""),)
        ),
        "tracking.inbox": inbox.Inbox(items=(INBOX_MAIL,), next_after=None, total=1),
        "tracking.show": INBOX_MAIL,
        "tracking.raw": inbox.RawInboxMail(inbox_id=5, message=raw),
        "tracking.replay": REPLAY,
        "tracking.reprocess": INBOX_MAIL.model_copy(update={"state": InboxState.attached, "record": "defect 12"}),
        "tracking.discard": inbox.Discarded(discarded=1),
        "tracking.answers": email_answers.Answers(
            items=(
                email_answers.AnsweredEmail(
                    number=4,
                    record="defect 12",
                    direction="sent",
                    user="anna",
                    answers=None,
                    at=NOW,
                    answered_at=NOW + timedelta(hours=3),
                    bounced=False,
                ),
            ),
            next_after=None,
        ),
        "tracking.rotate_key": tracking.RotatedKey(key_id=3, keys=3),
        "tracking.round_trip": ROUND_TRIP.model_copy(update={"returned_at": None}),
        "project.mail.list": project_mail.Emails(items=(EMAIL, ANSWER), next_after=None, total=2),
        "project.mail.show": DETAIL,
        "project.mail.raw": project_mail.RawEmail(number=5, message=raw),
        "project.mail.file": project_mail.EmailFileContent(**EMAIL_FILE, content=base64.b64encode(b"\x00\xff")),
        "project.mail.send": EMAIL,
        "project.mail.reply": EMAIL.model_copy(update={"number": 6, "answers": 5}),
        "project.mail.delete": Done(),
        "project.template.preview": PREVIEW,
    }

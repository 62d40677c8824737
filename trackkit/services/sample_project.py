"""What is in the sample database: a web shop's little project, with some of everything."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from trackkit.domain.declared import checked
from trackkit.domain.project.commands import MAIL_VERBS, MEMBERS, VERBS, command
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.services import sample_emails
from trackkit.store import project_items
from trackkit.store.database import Connection

_AUTHOR: Final = "administrator"


def fill(connection: Connection, password_hash: str, now: datetime) -> None:
    """Put everything into a project that was just founded; every user gets that password."""
    for kind, items in _items(now.date()):
        info = KINDS[kind]
        hashes = {"password": password_hash} if kind is Kind.user else {}
        models = [(checked(info.model, values, "The sample was refused."), hashes) for values in items]
        project_items.add_many(connection, info, models, now, _AUTHOR)
    sample_emails.fill(connection, now, _AUTHOR)


def _items(today: date) -> tuple[tuple[Kind, list[dict[str, Any]]], ...]:
    """Values by kind, each kind after those it refers to; dates are around the day of the first start."""

    def day(days: int) -> str:
        return (today + timedelta(days=days)).isoformat()

    return (
        (Kind.group, _GROUPS),
        (Kind.user, _USERS),
        (Kind.customer, _CUSTOMERS),
        (Kind.test_configuration, _CONFIGURATIONS),
        (Kind.filter, _FILTERS),
        (Kind.template, _TEMPLATES),
        (Kind.rule, _RULES),
        (Kind.report, _REPORTS),
        (Kind.requirement_document, _DOCUMENTS),
        (Kind.requirement, _REQUIREMENTS),
        (Kind.test_case, _TEST_CASES),
        (Kind.test_run, [{**run, "run_on": day(-3)} for run in _TEST_RUNS]),
        (Kind.defect, [{**defect, "due_on": day(4 * at - 8)} for at, defect in enumerate(_DEFECTS)]),
        (Kind.workbook_task, [{**task, "due_on": day(2 + at)} for at, task in enumerate(_TASKS)]),
    )


_GROUPS: Final[list[dict[str, Any]]] = [
    {
        "name": "Support",
        "description": "Talks to customers.",
        "commands": [
            *(command(kind, verb) for kind in (Kind.defect, Kind.customer) for verb in VERBS),
            *(command(Kind.defect, verb) for verb in MAIL_VERBS),
        ],
    },
]
_USERS: Final[list[dict[str, Any]]] = [
    {"name": "ana", "full_name": "Ana Lopes", "email": "ana@sample.invalid", "groups": [MEMBERS]},
    {"name": "ben", "full_name": "Ben Okafor", "email": "ben@sample.invalid", "groups": [MEMBERS]},
    {"name": "chen", "full_name": "Chen Wei", "email": "chen@sample.invalid", "groups": [MEMBERS]},
    {"name": "dora", "full_name": "Dóra Kovács", "email": "dora@sample.invalid", "groups": [MEMBERS, "Support"]},
    {"name": "emil", "full_name": "Emil Sørensen", "email": "emil@sample.invalid", "groups": ["Support"]},
]
_CUSTOMERS: Final[list[dict[str, Any]]] = [
    {"name": "Northwind", "company": "Northwind Traders", "email": "orders@northwind.invalid"},
    {"name": "Café Äther", "company": "Café Äther", "email": "hallo@aether.invalid"},
    {"name": "Maple Books", "company": "Maple Books", "email": "shop@maple.invalid", "notes": "Prefers the telephone."},
]
_CONFIGURATIONS: Final[list[dict[str, Any]]] = [
    {"name": "Firefox on Linux", "platform": "Debian 12, Firefox ESR"},
    {"name": "Safari on iPhone", "platform": "iOS 17"},
]
_FILTERS: Final[list[dict[str, Any]]] = [
    {"name": "Open defects", "record_kind": "defect", "conditions": ["status=open"]},
    {"name": "Urgent", "record_kind": "defect", "conditions": ["priority=urgent", "status!=closed"]},
    {"name": "Approved documents", "record_kind": "requirement_document", "conditions": ["status=approved"]},
]
_TEMPLATES: Final[list[dict[str, Any]]] = [
    {
        "name": "Assigned",
        "subject": "Defect {{ record.number }} was assigned to you",
        "body": "{{ record.title }}\n\n{{ record.description }}\n",
    },
    {
        "name": "Question",
        "subject": "Defect {{ record.number }}: a question",
        "body": "Hello,\n\nabout {{ record.title }}:\n",
    },
]
_RULES: Final[list[dict[str, Any]]] = [
    {"name": "Tell the owner", "event": "assigned", "recipients": ["owner"], "template": "Assigned", "tracked": True},
    {"name": "Tell the reporter", "event": "status", "recipients": ["reporter"]},
    {"name": "Overdue defects", "event": "overdue", "recipients": ["owner", "Support"], "template": "Standard"},
]
_REPORTS: Final[list[dict[str, Any]]] = [
    {"name": "Open defects", "filter": "Open defects", "columns": ["title", "owner", "priority"], "sort": "priority"},
    {"name": "All requirements", "record_kind": "requirement"},
]
_DOCUMENTS: Final[list[dict[str, Any]]] = [
    {"title": "Check-out", "status": "approved", "version": "2", "owner": "ana"},
    {"title": "Accounts and log-in", "status": "in review", "version": "1", "owner": "ben"},
]
_REQUIREMENTS: Final[list[dict[str, Any]]] = [
    {"title": "A voucher can cover a whole order", "status": "accepted", "document": "1", "customer": "Northwind"},
    {"title": "The invoice shows each tax rate", "status": "implemented", "document": "1", "owner": "ana"},
    {"title": "An order can be paid in two currencies", "priority": "low", "document": "1"},
    {"title": "A session outlives a long form", "status": "accepted", "priority": "high", "document": "2"},
    {"title": "A password can be pasted", "status": "verified", "document": "2", "owner": "ben"},
]
_TEST_CASES: Final[list[dict[str, Any]]] = [
    {
        "title": "Pay with a voucher only",
        "status": "ready",
        "requirement": "1",
        "steps": "Put a book into the basket.\nGive a voucher of the same value.\nPay.",
        "expected": "The total is 0.00; no card is asked for.",
        "owner": "chen",
    },
    {"title": "Invoice with two tax rates", "status": "ready", "requirement": "2", "owner": "chen"},
    {"title": "Leave a form for an hour", "status": "ready", "requirement": "4", "priority": "high"},
    {"title": "Paste a password", "status": "ready", "requirement": "5"},
]
_TEST_RUNS: Final[list[dict[str, Any]]] = [
    {"title": "Voucher", "test_case": "1", "configuration": "Firefox on Linux", "status": "failed", "owner": "chen"},
    {"title": "Voucher", "test_case": "1", "configuration": "Safari on iPhone", "status": "failed", "owner": "chen"},
    {"title": "Invoice", "test_case": "2", "configuration": "Firefox on Linux", "status": "passed", "owner": "chen"},
    {"title": "Long form", "test_case": "3", "configuration": "Safari on iPhone", "status": "blocked"},
    {"title": "Pasted password", "test_case": "4", "configuration": "Firefox on Linux", "status": "passed"},
]
_DEFECTS: Final[list[dict[str, Any]]] = [
    {
        "title": "Total is wrong when a voucher covers the whole order",
        "description": "It shows -0.00 and asks for a card.",
        "status": "open",
        "severity": "major",
        "priority": "high",
        "owner": "ana",
        "reporter": "chen",
        "customer": "Northwind",
        "found_in": "1.4",
    },
    {"title": "Umlauts are lost in the invoice's PDF", "status": "fixed", "customer": "Café Äther", "fixed_in": "1.5"},
    {"title": "Search finds nothing after an import", "status": "open", "severity": "critical", "priority": "urgent"},
    {"title": "Labels print one line too low", "customer": "Northwind", "reporter": "dora", "priority": "low"},
    {"title": "Basket forgets the second currency", "status": "rejected", "reporter": "emil"},
    {"title": "Session ends while a long form is filled in", "status": "open", "owner": "ben", "priority": "high"},
    {"title": "Telephone number with a plus is refused", "status": "verified", "customer": "Maple Books"},
    {"title": "Page title says Untitled", "status": "closed", "owner": "ana", "fixed_in": "1.4"},
    {"title": "Order list is slow with 10,000 orders", "status": "new", "severity": "major", "reporter": "dora"},
]
_TASKS: Final[list[dict[str, Any]]] = [
    {"title": "Ask Northwind for the printer's model", "owner": "dora", "record": "defect 4"},
    {"title": "Write the release notes of 1.5", "owner": "ana"},
    {"title": "Repeat the voucher tests", "owner": "chen", "record": "test_run 1"},
]

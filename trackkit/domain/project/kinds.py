"""Everything a project holds, each kind declared once: its fields, titles, bounds, and what they refer to.

Tables, checks, the API, forms, CSV files and the list of security commands derive from the models below; adding a field
is adding it here and a migration. References are written as the key of what they name: a number for records and what
else is numbered, the name for everything that has one, ``defect 12`` where any record fits.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import SecretStr, field_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.accounts import MAXIMUM_PASSWORD, MINIMUM_PASSWORD
from trackkit.domain.declared import Declaration, Group, declare, fields_of
from trackkit.domain.project.kind import MAXIMUM_TEXT, RECORD_KINDS, SOLOSUBMIT, Kind
from trackkit.domain.project.texts import MAXIMUM_ADDRESS, Texts, checked_address

RecordKind = Literal["defect", "requirement", "requirement_document", "test_case", "test_run"]
Priority = Literal["low", "medium", "high", "urgent"]
EmailOrigin = Literal["person", "notification", "letter", "automatic", "bounce", "delay", "delivered", "feedback"]
"""Who wrote an e-mail: a person, this server (notification, letter), or a program (`tracking.kinds.MailKind`)."""
Standing = Literal["known", "unknown", "unauthenticated"]
"""A received mail's author: an address the project knows, another, or one whose authentication failed."""


def _title(**more: Any) -> Any:
    return declare(..., title="Title", min_length=1, max_length=300, **more)


def _name(**more: Any) -> Any:
    return declare(..., title="Name", min_length=1, max_length=100, **more)


def _text(title: str, **more: Any) -> Any:
    return declare("", title=title, long=True, max_length=MAXIMUM_TEXT, **more)


def _owner(title: str = "Owner", **more: Any) -> Any:
    return declare(None, title=title, refers_to="user", on_delete="clear", max_length=100, **more)


class Defect(Texts):
    """Something that is wrong."""

    title: str = _title()
    description: str = _text("Description")
    status: Literal["new", "open", "fixed", "verified", "closed", "rejected"] = declare("new", title="Status")
    severity: Literal["minor", "major", "critical"] = declare("minor", title="Severity")
    priority: Priority = declare("medium", title="Priority")
    owner: str | None = _owner(help="The user who works on it.")
    reporter: str | None = _owner("Reporter", help="The user who found it.")
    customer: str | None = declare(None, title="Customer", refers_to="customer", on_delete="clear", max_length=100)
    found_in: str = declare("", title="Found in version", max_length=100)
    fixed_in: str = declare("", title="Fixed in version", max_length=100)
    due_on: date | None = declare(None, title="Due")


class RequirementDocument(Texts):
    """A document that gathers requirements."""

    title: str = _title()
    description: str = _text("Description")
    status: Literal["draft", "in review", "approved", "retired"] = declare("draft", title="Status")
    version: str = declare("", title="Version", max_length=100)
    owner: str | None = _owner()
    due_on: date | None = declare(None, title="Due")


class Requirement(Texts):
    """Something the product has to do."""

    title: str = _title()
    description: str = _text("Description")
    status: Literal["proposed", "accepted", "implemented", "verified", "rejected"] = declare("proposed", title="Status")
    priority: Priority = declare("medium", title="Priority")
    document: str | None = declare(None, title="Document", refers_to="requirement_document", on_delete="clear")
    owner: str | None = _owner()
    customer: str | None = declare(None, title="Customer", refers_to="customer", on_delete="clear", max_length=100)
    due_on: date | None = declare(None, title="Due")


class TestConfiguration(Texts):
    """Where tests are run: a machine, an operating system, a browser."""

    __test__ = False

    name: str = _name()
    description: str = _text("Description")
    platform: str = declare("", title="Platform", max_length=200)


class TestCase(Texts):
    """How something is tested."""

    __test__ = False

    title: str = _title()
    description: str = _text("Description")
    status: Literal["draft", "ready", "retired"] = declare("draft", title="Status")
    priority: Priority = declare("medium", title="Priority")
    requirement: str | None = declare(None, title="Requirement", refers_to="requirement", on_delete="clear")
    steps: str = _text("Steps")
    expected: str = _text("Expected result")
    owner: str | None = _owner()
    due_on: date | None = declare(None, title="Due")


class TestRun(Texts):
    """One time a test case was, or is to be, carried out."""

    __test__ = False

    title: str = _title()
    test_case: str | None = declare(None, title="Test case", refers_to="test_case", on_delete="refuse")
    configuration: str | None = declare(
        None, title="Test configuration", refers_to="test_configuration", on_delete="clear", max_length=100
    )
    status: Literal["planned", "passed", "failed", "blocked"] = declare("planned", title="Result")
    notes: str = _text("Notes")
    owner: str | None = _owner("Tester")
    run_on: date | None = declare(None, title="Run on")
    due_on: date | None = declare(None, title="Due")


class ProjectUser(Texts):
    """An account inside this project; not a server user."""

    name: str = _name(help="The log-in name; upper and lower case mean the same.")
    full_name: str = declare("", title="Full name", max_length=200)
    email: str = declare("", title="E-mail address", max_length=MAXIMUM_ADDRESS)
    groups: tuple[str, ...] = declare(
        (), title="Security groups", refers_to="group", help="What the user may do is what these groups may together."
    )
    active: bool = declare(True, title="Active", help="Off: the user cannot log in.")
    password: SecretStr | None = declare(
        None,
        title="Password",
        max_length=MAXIMUM_PASSWORD,
        help=f"At least {MINIMUM_PASSWORD} characters. Without one the user cannot log in.",
    )

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("name")
    @classmethod
    def _somebodys(cls, value: str) -> str:
        if unicodedata.normalize("NFKC", value).casefold() == SOLOSUBMIT:
            raise PydanticCustomError("name", "is reserved: it stands for people without an account")
        return value

    @field_validator("password")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and 0 < len(value) < MINIMUM_PASSWORD:
            raise PydanticCustomError("password", f"is shorter than {MINIMUM_PASSWORD} characters")
        return value if value is not None and len(value) else None


class SecurityGroup(Texts):
    """What its members may do."""

    name: str = _name()
    description: str = _text("Description")
    commands: tuple[str, ...] = declare((), title="Commands", help="What the members may do: defect.view, defect.add …")

    @field_validator("commands")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from trackkit.domain.project.commands import COMMANDS

        for command in value:
            if command not in COMMANDS:
                raise PydanticCustomError("commands", "holds {command}, which is no command", {"command": command})
        return tuple(name for name in COMMANDS if name in value)


class Customer(Texts):
    """Somebody outside for whom records exist."""

    name: str = _name()
    company: str = declare("", title="Company", max_length=200)
    email: str = declare("", title="E-mail address", max_length=MAXIMUM_ADDRESS)
    phone: str = declare("", title="Telephone", max_length=100)
    notes: str = _text("Notes")


class SavedFilter(Texts):
    """Conditions for one kind of record, under a name."""

    name: str = _name()
    record_kind: RecordKind = declare("defect", title="Of")
    conditions: tuple[str, ...] = declare(
        (), title="Conditions", help="All must hold: status=open, priority!=low, title~crash, due_on<2026-12-31."
    )
    owner: str | None = _owner(help="Whose filter it is; empty: everybody's.")


class WorkbookTask(Texts):
    """Something a user has to do."""

    title: str = _title()
    owner: str | None = _owner()
    due_on: date | None = declare(None, title="Due")
    done: bool = declare(False, title="Done")
    record: str | None = declare(
        None, title="Record", refers_to="record", on_delete="clear", max_length=60, help="What it is about: defect 12."
    )
    notes: str = _text("Notes")


class ReportDefinition(Texts):
    """Which records, which columns, in which order."""

    name: str = _name()
    record_kind: RecordKind = declare("defect", title="Of")
    filter: str | None = declare(None, title="Filter", refers_to="filter", on_delete="refuse", max_length=100)
    columns: tuple[str, ...] = declare((), title="Columns", help="Fields in their order; none = all.")
    sort: str = declare("number", title="Sorted by", max_length=100)


class MailTemplate(Texts):
    """The text of a kind of mail."""

    name: str = _name()
    record_kind: RecordKind = declare("defect", title="For")
    subject: str = declare("", title="Subject", max_length=300)
    body: str = _text(
        "Text",
        help="With {{ record.title }}, {{ user.full_name }}, {% if record.owner %} … {% endif %}, {{ record.due_on | "
        "date('%d.%m.%Y') }}; the preview names all that can be used.",
    )


class NotificationRule(Texts):
    """When whom to tell."""

    name: str = _name()
    record_kind: RecordKind = declare("defect", title="Of")
    event: Literal["created", "changed", "assigned", "status", "overdue"] = declare("assigned", title="When")
    recipients: tuple[str, ...] = declare(
        ("owner",), title="To", help="owner, reporter, or names of users and security groups."
    )
    template: str | None = declare(None, title="Template", refers_to="template", on_delete="refuse", max_length=100)
    tracked: bool = declare(False, title="Tracked", help="Replies are filed with the record.")
    active: bool = declare(True, title="Active")


class TrackedEmail(Texts):
    """A mail about a record."""

    record: str = declare(
        ..., title="Record", refers_to="record", max_length=60, help="What the mail is about: defect 12."
    )
    direction: Literal["sent", "received"] = declare("received", title="Direction")
    origin: EmailOrigin = declare("person", title="Written by")
    tracked: bool = declare(True, title="Tracked", help="It carries a tracking cookie, or answers one that does.")
    answers: int | None = declare(None, title="Answers", help="The number of the e-mail that it answers.")
    user: str = declare("", title="Sent by", max_length=100, help="The project user who sent it.")
    standing: Standing = declare("known", title="Author", help="What is known of who wrote it; proves nothing.")
    sender: str = declare("", title="From", max_length=254)
    recipients: tuple[str, ...] = declare((), title="To")
    subject: str = declare("", title="Subject", max_length=1000)
    text: str = _text("Text")
    cut: str = _text("Cut off", help="What a reply quoted or was signed with.")
    queue_id: str = declare("", title="In the mail queue", max_length=20)
    message_id: str = declare("", title="Message-ID", max_length=1000)
    mailed_on: date | None = declare(None, title="Date")


@dataclass(frozen=True, slots=True)
class KindInfo:
    """A kind as every front shows it."""

    kind: Kind
    model: type[Group]
    title: str
    titles: str
    templated: bool
    """Create from template copies it (SPEC §2)."""

    @property
    def fields(self) -> Mapping[str, Declaration]:
        """Its declared fields by name, in their order."""
        return fields_of(self.model)

    @property
    def named(self) -> bool:
        """Its key is its name; else its number."""
        return "name" in self.fields

    @property
    def record(self) -> bool:
        """It is one of the five kinds of records."""
        return self.kind in RECORD_KINDS

    @property
    def generic(self) -> bool:
        """It is worked on as an item; e-mails are not (`contract.project_mail`)."""
        return self.kind is not Kind.tracked_email

    @property
    def subject(self) -> str:
        """The field that says in a line what an item is."""
        return "name" if self.named else "title" if "title" in self.fields else "subject"


KINDS: Final[Mapping[Kind, KindInfo]] = MappingProxyType(
    {
        info.kind: info
        for info in (
            KindInfo(Kind.group, SecurityGroup, "Security group", "Security groups", True),
            KindInfo(Kind.user, ProjectUser, "User", "Users", True),
            KindInfo(Kind.customer, Customer, "Customer", "Customers", True),
            KindInfo(Kind.test_configuration, TestConfiguration, "Test configuration", "Test configurations", True),
            KindInfo(Kind.filter, SavedFilter, "Filter", "Filters", True),
            KindInfo(Kind.template, MailTemplate, "E-mail template", "E-mail templates", True),
            KindInfo(Kind.rule, NotificationRule, "Notification rule", "Notification rules", True),
            KindInfo(Kind.report, ReportDefinition, "Report", "Reports", True),
            KindInfo(
                Kind.requirement_document, RequirementDocument, "Requirement document", "Requirement documents", False
            ),
            KindInfo(Kind.requirement, Requirement, "Requirement", "Requirements", False),
            KindInfo(Kind.test_case, TestCase, "Test case", "Test cases", False),
            KindInfo(Kind.test_run, TestRun, "Test run", "Test runs", False),
            KindInfo(Kind.defect, Defect, "Defect", "Defects", False),
            KindInfo(Kind.workbook_task, WorkbookTask, "Workbook task", "Workbook tasks", False),
            KindInfo(Kind.tracked_email, TrackedEmail, "Tracked e-mail", "Tracked e-mails", False),
        )
    }
)
"""Every kind, each after those it refers to."""

"""E-mail templates: what may be used in them, the standard set, and the mail that one makes of a record. Pure.

A project's own templates are written in the same language (`template_language`). The standard ones are there in every
project; a template of the project that has the name of one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from trackkit.domain.declared import Group
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, MailTemplate
from trackkit.domain.project.template_language import Named, TemplateFault, read, render
from trackkit.domain.text import line_of

LONGEST_SUBJECT: Final = 300

_MADE: Final = ("kind", "number", "created_at", "created_by", "changed_at", "changed_by")
"""What a record has besides its declared fields."""

_PROJECT: Final = ("name", "description")
_USER: Final = ("name", "full_name", "email")
_SERVER: Final = ("name",)


@dataclass(frozen=True, slots=True)
class Standard:
    """A template that every project has."""

    name: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Person:
    """In whose name a mail is written: `user` in templates."""

    name: str
    full_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What a mail is about and where it comes from.

    Parameters
    ----------
    record: its declared fields by name, with `number` and the others of `names_of`.
    """

    kind: Kind
    record: Mapping[str, object]
    project: str
    description: str
    user: Person
    server: str


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as a template makes it; the subject is one line."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with a template: in ``subject`` or ``body``, in which line of it."""

    field: str
    line: int
    words: str

    @property
    def problem(self) -> Problem:
        """As other refusals of values are told."""
        return Problem(self.field, f"line {self.line}: {self.words}")


class TemplateRefused(Exception):
    """A template that cannot be used; `faults` says why."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__("; ".join(f"{one.field}, line {one.line}: {one.words}" for one in faults))
        self.faults = faults


def names_of(kind: Kind) -> tuple[str, ...]:
    """What may be used in a template for that kind of record."""
    return (
        *(f"record.{name}" for name in (*_MADE, *KINDS[kind].fields)),
        *(f"project.{name}" for name in _PROJECT),
        *(f"user.{name}" for name in _USER),
        *(f"server.{name}" for name in _SERVER),
    )


def faults_of(subject: str, body: str, kind: Kind) -> tuple[FieldFault, ...]:
    """What keeps a template from ever being used for that kind of record."""
    return tuple(_unreadable(subject, body, names_of(kind)))


def refuse_faulty(model: Group) -> None:
    """`InvalidInput` for a template that could never be used; other items are none of its business."""
    if isinstance(model, MailTemplate) and (faults := faults_of(model.subject, model.body, Kind(model.record_kind))):
        problems = [one.problem for one in faults]
        raise InvalidInput("The e-mail template was refused; nothing was changed.", problems=problems)


def _unreadable(subject: str, body: str, names: tuple[str, ...]) -> Iterator[FieldFault]:
    for field, text in (("subject", subject), ("body", body)):
        try:
            read(text, names)
        except TemplateFault as error:
            yield from (FieldFault(field, fault.line, fault.words) for fault in error.faults)


def write(subject: str, body: str, about: About) -> Written:
    """The mail that a template makes; `TemplateRefused` names every line it fails at."""
    named, names, faults, texts = _named(about), names_of(about.kind), [], {}
    for field, text in (("subject", subject), ("body", body)):
        try:
            texts[field] = render(read(text, names), named)
        except TemplateFault as error:
            faults += [FieldFault(field, fault.line, fault.words) for fault in error.faults]
    if faults:
        raise TemplateRefused(tuple(faults))
    return Written(_one_line(texts["subject"]), texts["body"])


def _named(about: About) -> Mapping[str, Named]:
    user = about.user
    return {
        "record": Named("record", {**about.record, "kind": KINDS[about.kind].title.lower()}),
        "project": Named("project", {"name": about.project, "description": about.description}),
        "user": Named("user", {"name": user.name, "full_name": user.full_name or user.name, "email": user.email}),
        "server": Named("server", {"name": about.server}),
    }


def _one_line(text: str) -> str:
    line = line_of(text)
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1].rstrip() + "…"


_HEAD: Final = "{{ record.kind | capitalize }} {{ record.number }}: {{ record.title }}"
_ABOUT: Final = """\
{{ record.title }}

Status: {{ record.status }}
{% if record.owner %}
Owner: {{ record.owner }}
{% endif %}
{% if record.due_on %}
Due: {{ record.due_on }}
{% endif %}
{% if record.description | default %}

{{ record.description | default | truncate(2000) }}
{% endif %}

-- \n{{ project.name }}
"""

STANDARD: Final[Mapping[str, Standard]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Standard("Standard", _HEAD, _ABOUT),
            Standard("Created", f"New: {_HEAD}", "{{ user.full_name }} added this:\n\n" + _ABOUT),
            Standard("Changed", f"Changed: {_HEAD}", "{{ user.full_name }} changed this:\n\n" + _ABOUT),
            Standard("Assigned", f"Assigned to you: {_HEAD}", "{{ user.full_name }} assigned this:\n\n" + _ABOUT),
            Standard(
                "Status changed",
                "{{ record.kind | capitalize }} {{ record.number }} is {{ record.status }}: {{ record.title }}",
                "{{ user.full_name }} changed the status to {{ record.status }}:\n\n" + _ABOUT,
            ),
            Standard("Overdue", f"Overdue: {_HEAD}", "This was due on {{ record.due_on }}:\n\n" + _ABOUT),
            Standard(
                "Letter",
                "We have received your message ({{ record.kind }} {{ record.number }})",
                "Thank you for your message. It has arrived and is filed as {{ record.kind }} {{ record.number }}.\n\n"
                "This is an automatic letter; nobody has read your message yet.\n\n-- \n{{ project.name }}\n",
            ),
        )
    }
)
"""The standard set, by name."""

FOR_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "created": "Created",
        "changed": "Changed",
        "assigned": "Assigned",
        "status": "Status changed",
        "overdue": "Overdue",
    }
)
"""The standard template of each event of notification rules."""

LETTER: Final = "Letter"
"""The standard template of automatic letters."""

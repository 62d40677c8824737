"""E-mail templates: what they make of a record, where they are wrong, and that nothing gets out of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackkit.domain.declared import checked
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project import templates
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS, MailTemplate
from trackkit.domain.project.template_language import LONGEST
from trackkit.domain.project.templates import STANDARD, About, FieldFault, Person, TemplateRefused, Written

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MADE = {"number": 12, "created_at": NOON, "created_by": "ana", "changed_at": NOON, "changed_by": "ben"}


def about(kind: Kind = Kind.defect, **values: object) -> About:
    fields = {name: field.default for name, field in KINDS[kind].fields.items()}
    record = {**fields, **MADE, "title": "Crash", **values}
    return About(kind, record, "shop", "A web shop", Person("ana", "Ana Lopes", "ana@shop.test"), "mail.shop.test")


def body(text: str, **values: object) -> str:
    return templates.write("", text, about(**values)).text


def refused(text: str, **values: object) -> tuple[int, str]:
    """Line and words of the only fault."""
    with pytest.raises(TemplateRefused) as caught:
        body(text, **values)
    (fault,) = caught.value.faults
    assert fault.field == "body"
    return fault.line, fault.words


@pytest.mark.parametrize("kind", RECORD_KINDS)
@pytest.mark.parametrize("name", STANDARD)
def test_every_standard_template_fits_every_kind_of_record(name: str, kind: Kind) -> None:
    written = templates.write(STANDARD[name].subject, STANDARD[name].body, about(kind))
    assert "12" in written.subject
    assert written.text.endswith("\n-- \nshop\n")
    assert "{" not in written.subject + written.text
    assert "None" not in written.subject + written.text


def test_values_are_written_as_people_read_them() -> None:
    text = "{{ record.kind }} {{ record.due_on | date('%d.%m.%Y') }} {{ record.owner | default('-') }}"
    assert body(text, due_on=date(2026, 12, 31)) == "defect 31.12.2026 -"
    assert body("{{ record.created_at }} {{ project.name }} {{ user.full_name }} {{ server.name }}") == (
        "2026-03-01 12:00 UTC shop Ana Lopes mail.shop.test"
    )
    assert body("{{ record.description | quote }}", description="one\ntwo\n") == "> one\n> two"
    assert body("{% if record.status in ('new', 'open') %}\nto do\n{% else %}\ndone\n{% endif %}") == "to do\n"


def test_a_subject_is_one_line_whatever_the_record_holds() -> None:
    hostile = about(title="Crash\r\nBcc: everybody@shop.test\u2028" + "x" * 500)
    subject = templates.write("{{ record.title }}\n again", "", hostile).subject
    assert subject.startswith("Crash Bcc: everybody@shop.test x")
    assert len(subject) == templates.LONGEST_SUBJECT


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("one\n{{ record.titel }}", 2, "did you mean record.title?"),
        ("one\ntwo\n{{ nothing }}", 3, "there is no nothing"),
        ("{% if record.owner %}\n\n{{ record.title", 3, "unexpected"),
        ("one\n{{ record.title | shout }}", 2, "there is no filter 'shout'; there are upper"),
        ("one\n{% if record.title < 3 %}{% endif %}", 2, "different kinds"),
        ("one\n{{ record }}", 2, "name one of its fields"),
        ("one\n\n{{ record.due_on | date('%1000000000d') }}", 3, "may hold %Y"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = refused(text, due_on=date(2026, 1, 1))
    assert found[0] == line
    assert words in found[1]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(TemplateRefused) as caught:
        templates.write("{{ record.x }}", "{{ record.y }}\n{% set z = 1 %}", about())
    assert [(fault.field, fault.line) for fault in caught.value.faults] == [("subject", 1), ("body", 1), ("body", 2)]


def test_a_template_that_could_never_be_used_is_not_stored() -> None:
    template = checked(MailTemplate, {"name": "Bad", "body": "\n{{ record.document }}"}, "")
    with pytest.raises(InvalidInput) as caught:
        templates.refuse_faulty(template)  # defects have no document
    assert [problem.field for problem in caught.value.problems] == ["body"]
    assert caught.value.problems[0].message.startswith("line 2: there is no record.document")
    good = {"name": "Good", "record_kind": "requirement", "body": "{{ record.document }}"}
    templates.refuse_faulty(checked(MailTemplate, good, ""))


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ record.__class__ }}",
    "{{ record['__class__'] }}",
    "{{ record['__cl' ~ 'ass__'] }}",
    "{{ record | attr('__class__') }}",
    "{{ record.__class__ | default('x') }}",
    "{{ record.title.format }}",
    "{{ '{0.__class__}'.format(record) }}",
    "{{ record.title.encode() }}",
    "{{ record.due_on.__reduce__ }}",
    "{{ record.values() }}",
    "{{ record.fields['title'] }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace() }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{% for x in record.title %}{{ x }}{% endfor %}",
    "{% set x = record %}",
    "{% set x %}a{% endset %}",
    "{% macro m() %}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% block b %}{% endblock %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends 'x' %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{{ record.title is sameas(record) }}",
    "{{ [record][0] }}",
    "{{ record.title[0] }}",
    "{{ record.title[::-1] }}",
    "{{ {'a': record}.a }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_gets_out(text: str) -> None:
    assert refused(f"one\n{text}")[0] == 2


BOMBS = [
    "{{ 'x' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ range(1000000000) | length }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ record.description | replace('d', record.description) }}",
    "{{ record.description | center(1000000000) }}",
    "{{ record.description | truncate(1000000000000) }}",
    "{{ record.description }}" * 4_000,
    "{{ record.description | upper | lower }}" * 2_000,
    "{{ " + "(" * 90_000,
    "{{ " + "[" * 400 + "]" * 400 + " }}",
    "{{ " + "not " * 20_000 + "record }}",
    "{{ record.title" + " | upper" * 12_000 + " }}",
    "{% if record.title %}" * 4_000,
    "{% if 1 %}" + "{% elif record.number == 2 %}x" * 3_000 + "{% endif %}",
    "{{ " + "9" * 90_000 + " }}",
    "{{ 'a'" + " 'a'" * 20_000 + " ~ record }}",
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_nothing_goes_on_for_ever(text: str) -> None:
    """Refused before it is run, or while it becomes too long: no value in between can be larger than that."""
    with pytest.raises(TemplateRefused):
        body(text, description="d" * 100_000)


PIECES = st.sampled_from(
    [
        *[
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "record",
            ".title",
            "['title']",
            "|",
            "upper",
            "(",
            ")",
            "[",
            "]",
            "'",
            '"',
            "defined",
            "~",
            "*",
            "1",
            ",",
            "__class__",
            "\\",
        ],
        *("\n", " if ", " else ", " endif ", " in ", " not ", " is ", " for x in "),
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=200))
@example("{{ 1e999 }}{{ -0 }}")
@example("{{ '\ud800' }}")
def test_whatever_is_written_becomes_a_text_or_a_refusal(text: str) -> None:
    found: Written | tuple[FieldFault, ...]
    try:
        found = templates.write(text, text, about())
    except TemplateRefused as error:
        found = error.faults
    if isinstance(found, Written):
        assert len(found.text) <= LONGEST
    else:
        assert all(fault.words and fault.line >= 1 for fault in found)

"""The names of the kinds of things a project holds, how a record is named, how long texts are;
what they are made of is in `kinds`, which takes much longer to load than this."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from trackkit.domain.errors import InvalidInput


class Kind(StrEnum):
    """One kind of thing in a project."""

    defect = "defect"
    requirement = "requirement"
    requirement_document = "requirement_document"
    test_case = "test_case"
    test_run = "test_run"
    user = "user"
    group = "group"
    customer = "customer"
    filter = "filter"
    test_configuration = "test_configuration"
    workbook_task = "workbook_task"
    report = "report"
    template = "template"
    rule = "rule"
    tracked_email = "tracked_email"


RECORD_KINDS: Final = (Kind.defect, Kind.requirement, Kind.requirement_document, Kind.test_case, Kind.test_run)

MAXIMUM_TEXT: Final = 100_000
"""Characters of the longest text of a record or an e-mail."""

SOLOSUBMIT: Final = "solosubmit"
"""Whom defects are by that people without an account submitted; no project user can be called so."""


def named_record(text: str, field: str = "record") -> tuple[Kind, int]:
    """The record that is written as ``defect 12``; `InvalidInput` for what is written otherwise."""
    kind, _, number = text.strip().rpartition(" ")
    kind = kind.strip().replace(" ", "_").lower()
    if kind not in RECORD_KINDS or not re.fullmatch(r"[0-9]{1,9}", number, re.ASCII):
        raise InvalidInput.of(field, f"is {text[:80]!r}; write a record as 'defect 12'")
    return Kind(kind), int(number)

"""The names of the kinds of things a project holds; what they are made of is in `kinds`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


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

SOLOSUBMIT: Final = "solosubmit"
"""Whom defects are by that people without an account submitted; no project user can be called so."""

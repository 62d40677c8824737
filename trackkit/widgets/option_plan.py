"""What a file or a revert would change, as a table, and the question before it is done."""

from __future__ import annotations

from trackkit.contract.options import Plan
from trackkit.domain.options import catalogue
from trackkit.widgets.problems import status
from trackkit.widgets.tables import Cell, shown, table


def plan_html(plan: Plan) -> str:
    """The differences, and what has to be known about them."""
    rows = [
        (
            Cell(_title(change.name), "tk-text", below=(change.name,)),
            Cell(change.before or "(none)", "tk-text"),
            Cell(change.after or "(none)", "tk-text", below=("needs a restart",) if change.restart else ()),
        )
        for change in plan.changes
    ]
    found = table("What would change", ("Option", "Now", "Then"), rows, "Nothing would change.")
    lines = [*plan.conflicts, *plan.warnings, *(f"{_title(name)}: {words}" for name, words in plan.notes.items())]
    if plan.left_out:
        lines.append(f"Cannot be put back, because old secrets are not kept: {', '.join(plan.left_out)}.")
    return found + (status("<br>".join(map(shown, lines)), "tk-warn") if lines else "")


def question(plan: Plan, verb: str) -> str:
    """What is asked before it is done."""
    many = "1 option" if len(plan.changes) == 1 else f"{len(plan.changes)} options"
    return "\n".join([*plan.conflicts, *plan.warnings, f"{verb} {many}?"])


def _title(name: str) -> str:
    known = catalogue().get(name)
    return known.title if known else name

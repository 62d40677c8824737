"""When the e-mails of a project were answered, for reports: no addresses, no text."""

from __future__ import annotations

from dataclasses import asdict

from trackkit.contract import email_answers as contract
from trackkit.services.environment import Call
from trackkit.store import email_answers


def list_answers(call: Call, request: contract.ListAnswers) -> contract.Answers:
    """The tracked e-mails that people wrote, each with when it was first answered."""
    project = call.environment.projects.open(request.database)
    found = project.read(
        lambda connection: email_answers.page(connection, request.since, request.after, request.limit + 1)
    )
    shown = found[: request.limit]
    more = len(found) > request.limit
    return contract.Answers(
        items=tuple(contract.AnsweredEmail(**asdict(row)) for row in shown),
        next_after=shown[-1].number if more else None,
    )

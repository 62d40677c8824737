"""The diagnosis table as it is read: its rows, how often each matched on this server, and unknown replies."""

from __future__ import annotations

from trackkit.contract import mail_diagnoses as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.diagnosis import TABLE
from trackkit.domain.facts import Names
from trackkit.services.environment import Call
from trackkit.store import diagnosis_counts


def diagnoses(call: Call, request: Nothing) -> contract.Diagnoses:
    """Every row of the table, in its order, and the latest replies that no recogniser knows."""
    names = Names()
    store, tally = call.environment.store, call.environment.tally
    written = store.read(lambda c: (diagnosis_counts.all_matched(c), diagnosis_counts.all_unknown(c)))
    matched, unknown = tally.added_to(*written)
    return contract.Diagnoses(
        rows=tuple(
            contract.DiagnosisRow(
                cause=row.cause,
                title=row.title,
                words=row.words.format_map(names),
                next_step=row.next_step.format_map(names),
                operation=row.operation,
                option=row.option,
                tries=matched[row.cause].tries if row.cause in matched else 0,
                last_at=matched[row.cause].last_at if row.cause in matched else None,
            )
            for row in TABLE
        ),
        unknown=tuple(
            contract.UnknownReply(
                smtp_code=one.smtp_code,
                enhanced_code=one.enhanced_code,
                text=one.text,
                stage=one.stage,
                host=one.host,
                tries=one.tries,
                first_at=one.first_at,
                last_at=one.last_at,
            )
            for one in unknown
        ),
    )

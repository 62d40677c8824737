"""The queue by cause: stuck mail grouped by diagnosis, destination and age.

Recipients that share what a diagnosis depends on share their cause (`mail_listing`); those of a cause whose trouble
lies at the same place are counted together, by the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trackkit.contract import mail_groups as contract
from trackkit.domain.diagnosis import diagnose
from trackkit.domain.evidence import Diagnosis
from trackkit.domain.queue_groups import next_hop_in_trouble
from trackkit.services.environment import Call
from trackkit.services.mail_listing import diagnosis_view, evidence_of, group_of
from trackkit.store import queue_groups, queue_view
from trackkit.store.database import Connection
from trackkit.store.queue_groups import Counted, Kind
from trackkit.store.queue_view import CauseRow


@dataclass(frozen=True, slots=True)
class _Row:
    """Recipients that share their cause, and where the trouble is (``""`` = see their domains)."""

    row: CauseRow
    diagnosis: Diagnosis
    next_hop: str


def count_groups(call: Call, request: contract.CountGroups) -> contract.QueueGroups:
    """The groups, the most frequent causes first."""

    def work(connection: Connection) -> list[contract.CauseGroups]:
        causes: dict[str, list[_Row]] = {}
        for row in _rows(connection, call):
            if request.cause in (None, row.diagnosis.cause):
                causes.setdefault(row.diagnosis.cause, []).append(row)
        places = _places(causes)
        counts = queue_groups.by_destination(connection, [kind for _, _, kind in places], call.now)
        found: dict[str, dict[tuple[bool, str], list[Counted]]] = {cause: {} for cause in causes}
        for one in counts:
            cause, hop, _ = places[one.kind]
            found[cause].setdefault((bool(hop), hop or one.domain), []).append(one)
        totals = queue_groups.in_all(connection, [_kind(rows) for rows in causes.values()])
        return [
            _cause(causes[cause], total, found[cause], request.destinations)
            for cause, total in zip(causes, totals, strict=True)
        ]

    groups = call.environment.store.read(work)
    groups.sort(key=lambda one: -one.messages)
    return contract.QueueGroups(counted_at=call.now, causes=tuple(groups))


def _rows(connection: Connection, call: Call) -> Iterable[_Row]:
    """The most frequent ones first: the store looks for them in that order."""
    for row in sorted(queue_view.causes(connection), key=lambda row: -row.messages):
        evidence = evidence_of(call.environment, call.now, row)
        yield _Row(row, diagnose(evidence), next_hop_in_trouble(evidence))


def _places(causes: dict[str, list[_Row]]) -> list[tuple[str, str, Kind]]:
    """For each cause the places where its trouble is, and who is concerned there."""
    found = []
    for cause, rows in causes.items():
        for hop in dict.fromkeys(row.next_hop for row in rows):
            found.append((cause, hop, _kind([row for row in rows if row.next_hop == hop], by_domain=not hop)))
    return found


def _kind(rows: Sequence[_Row], *, by_domain: bool = False) -> Kind:
    return Kind([group_of(row.row) for row in rows], by_domain)


def _cause(
    rows: Sequence[_Row],
    total: tuple[int, int],
    found: dict[tuple[bool, str], list[Counted]],
    limit: int,
) -> contract.CauseGroups:
    most = sorted(found.items(), key=lambda item: (-sum(one.messages for one in item[1]), item[0]))
    return contract.CauseGroups(
        diagnosis=diagnosis_view(rows[0].diagnosis),
        messages=total[0],
        recipients=total[1],
        oldest_queued_at=min(row.row.oldest_queued_at for row in rows),
        destinations=tuple(_destination(*key, counts) for key, counts in most[:limit]),
        destinations_in_all=len(most),
    )


def _destination(next_hop: bool, destination: str, counts: Sequence[Counted]) -> contract.DestinationGroups:
    return contract.DestinationGroups(
        destination=destination,
        next_hop=next_hop,
        messages=sum(one.messages for one in counts),
        oldest_queued_at=min(one.oldest_queued_at for one in counts),
        ages=tuple(
            contract.AgeGroup(age=one.age, messages=one.messages, oldest_queued_at=one.oldest_queued_at)
            for one in sorted(counts, key=lambda one: one.oldest_queued_at)
        ),
    )

"""The queue by cause: stuck mail grouped by diagnosis, destination and age.

Recipients that share what a diagnosis depends on share their cause (`queue_causes`); those of a cause whose trouble
lies at the same place are counted together, by the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trackkit.contract import mail_groups as contract
from trackkit.services.environment import Call
from trackkit.services.mail_listing import diagnosis_view
from trackkit.services.queue_causes import Part, by_cause, parts
from trackkit.store import queue_groups
from trackkit.store.database import Connection
from trackkit.store.queue_groups import Counted, Kind


def count_groups(call: Call, request: contract.CountGroups) -> contract.QueueGroups:
    """The groups, the most frequent causes first."""

    def work(connection: Connection) -> list[contract.CauseGroups]:
        every = parts(connection, call.environment, call.now)
        causes = by_cause([part for part in every if request.cause in (None, part.diagnosis.cause)])
        places = _places(causes)
        counts = queue_groups.by_destination(connection, [kind for _, _, kind in places], call.now)
        found: dict[str, dict[tuple[bool, str], list[Counted]]] = {cause: {} for cause in causes}
        for one in counts:
            cause, hop, _ = places[one.kind]
            found[cause].setdefault((bool(hop), hop or one.domain), []).append(one)
        totals = queue_groups.in_all(connection, [_kind(of_it) for of_it in causes.values()])
        return [
            _cause(causes[cause], total, found[cause], request.destinations)
            for cause, total in zip(causes, totals, strict=True)
        ]

    groups = call.environment.store.read(work)
    groups.sort(key=lambda one: -one.messages)
    return contract.QueueGroups(counted_at=call.now, causes=tuple(groups))


def _places(causes: Mapping[str, Sequence[Part]]) -> list[tuple[str, str, Kind]]:
    """For each cause the places where its trouble is, and who is concerned there."""
    return [
        (cause, hop, _kind([part for part in of_it if part.next_hop == hop], by_domain=not hop))
        for cause, of_it in causes.items()
        for hop in dict.fromkeys(part.next_hop for part in of_it)
    ]


def _kind(of_it: Sequence[Part], *, by_domain: bool = False) -> Kind:
    return Kind([part.group for part in of_it], by_domain)


def _cause(
    of_it: Sequence[Part],
    total: tuple[int, int],
    found: dict[tuple[bool, str], list[Counted]],
    limit: int,
) -> contract.CauseGroups:
    most = sorted(found.items(), key=lambda item: (-sum(one.messages for one in item[1]), item[0]))
    return contract.CauseGroups(
        diagnosis=diagnosis_view(of_it[0].diagnosis),
        messages=total[0],
        recipients=total[1],
        oldest_queued_at=min(part.row.oldest_queued_at for part in of_it),
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

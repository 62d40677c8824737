"""Suggest: settings for sending are looked for, after the audit has who looked for what."""

from __future__ import annotations

from trackkit.contract import suggest as contract
from trackkit.domain.suggestions import asked
from trackkit.services.environment import Call


def suggest(call: Call, request: contract.Suggest) -> contract.Suggestions:
    """Look for settings; `InvalidInput`, `TooManyAttempts`."""
    environment = call.environment
    about = asked(request.about, request.hosts, private=request.private)
    environment.suggesting.admit(call.actor.username)
    after = {"hosts": ", ".join(about.hosts), "private networks": "yes" if about.private else "no"}
    environment.store.write(
        lambda connection: call.audit(connection, contract.SUGGEST.name, request.about, after=after)
    )
    found = environment.suggesting.look(about, environment.trust.current)
    options = environment.options.current
    return contract.Suggestions(
        about=request.about,
        candidates=tuple(contract.Candidate.of(one, options) for one in found.candidates),
        sources=tuple(contract.SourceTold(source=one.source, result=one.result, words=one.words) for one in found.told),
    )

"""What Thunderbird on this machine sends by, beside what the server has found."""

from __future__ import annotations

from trackkit.client.thunderbird import belongs, thunderbird_accounts
from trackkit.contract import suggest
from trackkit.contract.options import OptionsState
from trackkit.domain.suggestions import Result, Source
from trackkit.domain.text import counted


def with_thunderbird(found: suggest.Suggestions, state: OptionsState) -> suggest.Suggestions:
    """Thunderbird's accounts that send for what was looked for come first: somebody uses them. The others come last.

    Parameters
    ----------
    state: the options that a candidate would change.
    """
    now, accounts = state.known(), thunderbird_accounts()
    mine: list[suggest.Candidate] = []
    others: list[suggest.Candidate] = []
    for account in accounts:
        fits = not found.about or belongs(found.about, account)
        (mine if fits else others).append(suggest.Candidate.of(account.candidate, now))
    told = suggest.SourceTold(
        source=Source.mail_program,
        result=Result.found if accounts else Result.nothing,
        words=f"Thunderbird on this machine has {counted(len(accounts), 'account')} to send by."
        if accounts
        else "There is no Thunderbird with an account on this machine.",
    )
    candidates = (*mine, *found.candidates, *others)
    return suggest.Suggestions(about=found.about, candidates=candidates, sources=(told, *found.sources))

"""One entry of the log whole. All of it is text that anybody may have written: escaped, what cannot be seen by its
code point, and of a very long one only the beginning, with the way to the rest."""

from __future__ import annotations

from trackkit.contract.log import LogRow
from trackkit.domain.log import Severity
from trackkit.widgets.tables import instant, shown, shown_block

SHOWN = 65_536
"""Characters of one text that a page shows."""


def entry_html(entry: LogRow) -> str:
    """The entry as HTML."""
    facts = {
        "Time (UTC)": instant(entry.at),
        "Level": Severity.named(entry.level).title,
        "Source": entry.source,
        "Database": entry.database,
        "User": entry.username,
        "Client address": entry.client_address,
    }
    given = "".join(f"<dt>{name}</dt><dd>{shown(value)}</dd>" for name, value in facts.items() if value)
    details = f"<h4>Details</h4>{_whole(entry, 'details')}" if entry.details else ""
    return f"<h3>Entry {entry.entry_id}</h3><dl class='tk-facts'>{given}</dl>{_whole(entry, 'message')}{details}"


def _whole(entry: LogRow, name: str) -> str:
    text = str(getattr(entry, name))
    block = shown_block(text, SHOWN)
    if len(text) <= SHOWN:
        return block
    call = f"server.log.list(before={entry.entry_id + 1}, limit=1).entries[0].{name}"
    hint = f"The first {SHOWN:,} of {len(text):,} characters. All of them: <code>{call}</code>"
    return f"{block}<p class='tk-hint'>{hint}</p>"

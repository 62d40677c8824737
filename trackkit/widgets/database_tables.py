"""Project databases as tables: the list, what is in one, and a look around the server machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.databases import Database, DatabaseInfo, Listing
from trackkit.widgets.page import offer, row
from trackkit.widgets.problems import Trouble
from trackkit.widgets.tables import Cell, instant, shown, table
from trackkit.widgets.work import in_background

_UNITS = ("B", "KB", "MB", "GB", "TB")


def octets(number: int | None) -> str:
    """A size for people; an en dash for none."""
    if number is None:
        return "–"
    size, unit = float(number), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:,.0f} {_UNITS[unit]}" if unit < 2 else f"{size:,.1f} {_UNITS[unit]}"


def yes(value: object) -> str:
    """``yes`` or ``no``."""
    return "yes" if value else "no"


def databases_table(databases: Iterable[Database]) -> str:
    """The list."""
    rows = [
        (
            Cell(d.name, "tk-text", below=(d.location,)),
            Cell(str(d.settings["description"]), "tk-text"),
            Cell(yes(d.settings["active"]), tone="" if d.settings["active"] else "tk-warn"),
            Cell("yes" if d.available else "NO", tone="" if d.available else "tk-bad", below=(d.unavailable_reason,)),
            Cell(_lists(d)),
            Cell(octets(d.size), "tk-number"),
            Cell(
                instant(d.last_backup_at) if d.last_backup_at else "never",
                "tk-fixed",
                tone="" if d.last_backup_at else "tk-warn",
            ),
        )
        for d in databases
    ]
    titles = ("Name and location", "Description", "Active", "Available", "Log-in lists", "Size")
    return table("Project databases", (*titles, "Last backup (UTC)"), rows, "There are no databases yet.")


def _lists(database: Database) -> str:
    """In which log-in lists it stands."""
    lists = {"in_web_list": "web", "in_other_list": "non-web"}
    return ", ".join(words for name, words in lists.items() if database.settings[name]) or "none"


def information(info: DatabaseInfo) -> str:
    """What is in a database, as a list of facts."""
    records = ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in info.records.items())
    facts = (
        ("Location", info.location),
        ("Size", octets(info.size)),
        ("Records", records or "–"),
        ("Users", f"{info.users:,}"),
        ("Open sessions", str(info.sessions)),
        ("Schema version", info.schema_version or "–"),
        ("Last compacted (UTC)", instant(info.last_compacted_at)),
        ("Last backup (UTC)", instant(info.last_backup_at)),
        ("Mail may be sent", yes(info.settings["sending"])),
    )
    lines = "".join(f"<dt>{shown(name)}</dt><dd>{shown(value)}</dd>" for name, value in facts)
    away = "" if info.available else f'<p class="tk-bad">{shown(info.unavailable_reason)}</p>'
    head = f"<h3>{shown(info.name)}</h3>{away}"
    return f'<section aria-label="Information">{head}<dl class="tk-facts">{lines}</dl></section>'


def browsed(server: Server, trouble: Trouble, chosen: Callable[[str], None]) -> w.VBox:
    """A look around the folders of the server machine in which databases can lie.

    Parameters
    ----------
    chosen: gets the name of a database that can be added, as `add` takes it.
    """
    where, entries = w.HTML(), w.Select(description="On the server", rows=7)
    up, into, take = (w.Button(description=words) for words in ("Up", "Open folder", "Choose this database"))
    seen: list[Listing] = []

    only_one: list[str] = []
    """The folder with everything, where there is but one: nobody has to choose it."""

    def show(listing: Listing) -> None:
        if listing.folder is None:
            only_one[:] = [entry.name for entry in listing.entries] if len(listing.entries) == 1 else []
            if only_one:
                go(only_one[0])
                return
        seen[:] = [listing]
        where.value = f'<p class="tk-hint">{shown(listing.folder or "Where databases can be looked for")}</p>'
        offer(entries, [(_line(entry.title, entry.kind, entry.reason), entry.name) for entry in listing.entries])
        up.disabled = listing.folder is None or (listing.parent is None and bool(only_one))
        look()

    def look(_: object = None) -> None:
        entry = next((e for e in seen[0].entries if e.name == entries.value), None) if seen else None
        into.disabled = entry is None or entry.kind != "folder"
        take.disabled = entry is None or entry.kind != "database" or bool(entry.reason)

    def go(folder: str | None) -> None:
        in_background(trouble, lambda: server.databases.browse(folder), show)

    entries.observe(look, names="value")
    up.on_click(lambda _: go(seen[0].parent))
    into.on_click(lambda _: go(str(entries.value)))
    take.on_click(lambda _: chosen(str(entries.value)))
    go(None)
    return w.VBox([where, entries, row(up, into, take)])


def _line(title: str, kind: str, reason: str) -> str:
    what = reason or ("database, can be added" if kind == "database" else "folder")
    return f"{title} \N{EN DASH} {what}"

"""``trackkit doctor``: what needs attention, most severe first, and what to do about it."""

from typing import TYPE_CHECKING

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, table
from trackkit.domain.log import Severity

if TYPE_CHECKING:
    from trackkit.client import Server


@on_server
def doctor(server: "Server", as_json: AsJson = False) -> None:
    """Say what needs attention and what to do. Exit code 1 when something is an Error or worse."""
    health = server.health()
    if as_json:
        json_of(health)
    else:
        table(
            ("Level", "About", "What", "Next step"),
            [(Severity.named(f.severity).title, f.subject, f.words, f.next_step) for f in health.findings],
            empty="All is well.",
            wrap=("What", "Next step"),
        )
    if any(Severity.named(finding.severity) <= Severity.error for finding in health.findings):
        raise typer.Exit(1)

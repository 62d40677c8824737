"""``trackkit mail workers``: the processes that send mail."""

from typing import TYPE_CHECKING

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, table

if TYPE_CHECKING:
    from trackkit.client import Server


@on_server
def workers(server: "Server", as_json: AsJson = False) -> None:
    """List the processes that send mail, and the connections each may use."""
    found = server.mail.workers()
    if as_json:
        json_of(found)
        return
    table(
        ("Worker", "Since", "Last seen", "Connections", "Lost"),
        [
            (w.name, local_time(w.joined_at), local_time(w.seen_at), w.connections, local_time(w.lost_at))
            for w in found.workers
        ],
        empty="No worker sends mail.",
    )
    note(f"At most {found.connections} connections for all of them together (sending.timing.connections).")

"""What a diagnosis or a test offers, on the command line: shown, asked, applied."""

from typing import TYPE_CHECKING

from trackkit.cli.asking import confirm
from trackkit.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from trackkit.client import Server
    from trackkit.contract.fixes import FixView


def apply(server: "Server", fix: "FixView", yes: bool, secrets: "Mapping[str, SecretStr] | None" = None) -> None:
    """Ask with what would change, then apply it and say what happened; `secrets` as for `Server.apply`."""
    from trackkit.client.fixes import prepare

    prepared = prepare(server, fix, secrets)
    confirm(prepared.question, yes)
    say(prepared.do())

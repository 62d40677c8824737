"""Reading startup.log from afar."""

from __future__ import annotations

from trackkit.contract import log as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def read_startup_log(call: Call, request: contract.ReadStartupLog) -> contract.StartupLogText:
    """The end of startup.log, without the secrets that are known."""
    log = call.environment.log
    log.flush()
    try:
        text, whole = log.startup_log.last(request.megabytes * 1024 * 1024)
    except OSError as error:
        raise Unavailable(f"startup.log cannot be read: {error.strerror}.", "Look at the disk.") from error
    return contract.StartupLogText(text=text, whole=whole)

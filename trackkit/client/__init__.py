"""The client: reach a server, log in, and one typed method an operation.

Synchronous, because notebook callbacks are. Errors of the server come out as the class that went in there; a failed
connection is diagnosed. Names are loaded when they are first used: the connections file alone needs no HTTP library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Connection", "Connections", "Server", "connect", "local", "reach", "reach_local"]

if TYPE_CHECKING:
    from trackkit.client.connections import Connection, Connections
    from trackkit.client.opening import connect, local, reach, reach_local
    from trackkit.client.server import Server

_HOME_OF = {
    "Connection": "connections",
    "Connections": "connections",
    "Server": "server",
    "connect": "opening",
    "local": "opening",
    "reach": "opening",
    "reach_local": "opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'trackkit.client' has no attribute {name!r}")
    return getattr(import_module(f"trackkit.client.{_HOME_OF[name]}"), name)

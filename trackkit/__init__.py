"""trackkit: the tracking server and the kit with which people run it.

Three lines of a notebook::

    import trackkit
    server = trackkit.connect("head office", username="admin", password=getpass())
    server.mail.frame()

Names are loaded when they are first used, so that ``import trackkit`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["Connection", "Connections", "Server", "__version__", "connect", "local", "stack"]

if TYPE_CHECKING:
    __version__: str
    from trackkit.client import Connection, Connections, Server, connect, local
    from trackkit.frames.stacking import stack


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'trackkit' has no attribute {name!r}")
    if name == "__version__":
        from importlib.metadata import version

        return version("trackkit")
    if name == "stack":
        from trackkit.frames.stacking import stack

        return stack
    import trackkit.client

    return getattr(trackkit.client, name)

"""What `tests.forked` has loaded before it forks: what commands and servers load while they run, too."""

from importlib import import_module

from trackkit.api.app import operation_routes
from trackkit.cli.main import command_line

for name in (
    "cryptography.hazmat.backends.openssl.backend",
    "httpcore",
    "pydantic.v1",  # FastAPI asks it about every model
    "rich._emoji_codes",
    "trackkit.client.local_socket",
    "trackkit.client.opening",
    "trackkit.client.server",
    "trackkit.server.run",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.h11_impl",
    "uvloop",
):
    import_module(name)
command_line()
operation_routes()

"""Start the dashboards: ``python -m trackkit.dashboard --server-url https://127.0.0.1:8470 --fingerprint sha256:…``.

Prints one line on standard output when it accepts requests, ``ready http://127.0.0.1:8866``, and nothing else;
messages go to standard error. Stops on SIGTERM. Nothing secret is an argument.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trackkit.client import endpoint
from trackkit.dashboard.app import serve
from trackkit.dashboard.folder import dashboards_folder
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.domain.errors import TrackkitError

DEFAULT_PORT = 8866


def main() -> int:
    """Serve until stopped; 1 and a message when that is not possible."""
    arguments = argparse.ArgumentParser(prog="python -m trackkit.dashboard", description="Serve the dashboards.")
    arguments.add_argument("--server-url", required=True, help="the trackkit server, https://host:port")
    arguments.add_argument("--fingerprint", help="of its certificate, sha256:…")
    arguments.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the dashboards; 0 = any free one")
    arguments.add_argument(
        "--folder", type=Path, help="folder of dashboards, instead of the ones that came with trackkit"
    )
    given = arguments.parse_args()
    try:
        server = TrackkitServer(endpoint.from_url(given.server_url).url, given.fingerprint)
        serve(server, given.folder or dashboards_folder(), given.port)
    except TrackkitError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

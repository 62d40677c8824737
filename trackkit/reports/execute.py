"""``python -m trackkit.reports.execute``: executes one notebook by papermill, in this process and for nothing else.

Standard input says what, as JSON: `notebook` and `executed` (paths), `parameters`. Whoever starts it decides about
the environment, which is all that the notebook's kernel gets to see. Exit code 0 = executed, 1 = a cell failed or
the kernel died; then `executed` holds how far it came, and papermill's marks in it say which cell it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Execute what standard input asks for; the exit code."""
    asked: dict[str, Any] = json.load(sys.stdin)
    import papermill  # type: ignore[import-untyped]
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError  # type: ignore[import-untyped]
    from traitlets.config import Config

    # The kernel is talked to through owner-only sockets where there are such, not over open TCP ports.
    config = Config() if sys.platform == "win32" else Config({"KernelManager": {"transport": "ipc"}})
    try:
        papermill.execute_notebook(
            asked["notebook"],
            asked["executed"],
            parameters=asked["parameters"],
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=Path(asked["notebook"]).parent,
            config=config,
        )
    except (PapermillExecutionError, DeadKernelError) as error:
        sys.stderr.write(f"{type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

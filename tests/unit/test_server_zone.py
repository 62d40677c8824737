"""The server's time zone is a zone with rules, not the offset of the day it was started."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

CODE = """
import sys
from datetime import datetime
from pathlib import Path
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings

with compose.environment(prepare(Path(sys.argv[1])), MachineSettings(), None) as environment:
    for month in (1, 7):
        print(datetime(2026, month, 1, tzinfo=environment.zone).isoformat())
"""


def test_summer_and_winter_have_offsets_of_their_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path / "data")]
    environment = {**os.environ, "TZ": "Europe/Berlin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    offsets = [datetime.fromisoformat(line).utcoffset() for line in done.stdout.split()]
    assert offsets == [timedelta(hours=1), timedelta(hours=2)]

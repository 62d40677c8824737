"""Run the command line: inside this process without a terminal, or as a process at a real (pseudo) terminal."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unittest import mock

from trackkit.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str
    raw: bytes


def run(*args: str, stdin: str = "") -> Ran:
    """The command as a script runs it: no terminal anywhere."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(3))
    given.write(stdin)
    given.seek(0)
    with (
        mock.patch.object(sys, "argv", ["trackkit", *args]),
        mock.patch.object(sys, "stdin", given),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    raw = _content(out)
    return Ran(code, raw.decode("utf-8", "replace"), _content(err).decode(), raw)


def _content(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    stream.buffer.seek(0)
    return stream.buffer.read()


def run_at_terminal(
    *args: str, answers: Sequence[tuple[str, str]] = (), environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The command at a terminal; each answer is typed when its question stands there. Exit code and what was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "trackkit", *args],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "160", "TERM": "xterm", **(environment or {})},
    )
    os.close(slave)
    shown, waiting, deadline = "", list(answers), time.monotonic() + 30
    asked_from = 0
    try:
        while time.monotonic() < deadline:
            if waiting and waiting[0][0] in shown[asked_from:]:
                asked_from = len(shown)
                time.sleep(0.1)  # the terminal's echo is switched off just after the question is printed
                os.write(master, waiting.pop(0)[1].encode() + b"\n")
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:  # the other side was closed: the process has ended
                    break
                if not data:
                    break
                shown += data.decode("utf-8", "replace")
        code = process.wait(max(deadline - time.monotonic(), 1))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
    assert not waiting, f"never asked: {waiting}; shown:\n{shown}"
    return code, shown

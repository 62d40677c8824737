"""The command `trackkit` as a process of its own that need not load its modules first: it is forked off one that has.

Loading takes a command longer than nearly everything it does, and the tests start hundreds. Arguments, environment,
time zone and standard streams are those of the new process; everything after `main()` begins is as with
``python -m trackkit``, the exit code too. LD_PRELOAD counts when a program is loaded, so commands with one are forked
off a process that has it. What looks at how a process was started (its command line, the files it has loaded) starts a
real one instead.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import pytest

_CONTEXT = multiprocessing.get_context("forkserver")
_LOADED = ["tests.forked", "tests.preloaded"]
_CONTEXT.set_forkserver_preload(_LOADED)
_OTHERS: dict[str, forkserver.ForkServer] = {}
"""Those with an LD_PRELOAD, by it."""

_Streams = tuple[str, "str | Connection", str]
"""Where stdin comes from, where stdout goes, the file that stderr is added to."""


class Forked:
    """A running command, handled as a `subprocess.Popen`."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], streams: _Streams) -> None:
        self.args = ["trackkit", *words]
        self.stdout: IO[str] | None = None
        # A daemon: should the tests end without stopping it, it is stopped with them.
        self._process = _CONTEXT.Process(target=_become, args=(self.args, dict(environment), streams), daemon=True)
        with _forked_off_one_like(environment):
            self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code; none while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Unless it has ended already."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()


@contextmanager
def _forked_off_one_like(environment: Mapping[str, str]) -> Iterator[None]:
    """Processes started meanwhile have its LD_PRELOAD, which was loaded once, in the environment that was the first."""
    library = environment.get("LD_PRELOAD")
    if library is None:
        yield
        return
    with pytest.MonkeyPatch.context() as changed:
        if library not in _OTHERS:
            _OTHERS[library] = forkserver.ForkServer()
            _OTHERS[library].set_forkserver_preload(_LOADED)
            for name, value in environment.items():
                changed.setenv(name, value)
            _OTHERS[library].ensure_running()
        changed.setattr(forkserver, "connect_to_new_process", _OTHERS[library].connect_to_new_process)
        yield


def start(words: Sequence[str], environment: Mapping[str, str], *, stderr: Path) -> Forked:
    """Start a command without anything on stdin; its stdout can be read, its stderr is added to a file."""
    reader, writer = _CONTEXT.Pipe(duplex=False)
    with reader, writer:
        process = Forked(words, environment, (os.devnull, writer, str(stderr)))
        process.stdout = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
    return process


def run(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, *, stdin: str = "", seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run`; `folder` is for what goes in and comes out."""
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        given, out, err = (Path(kept) / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin)
        process = Forked(words, environment, (str(given), str(out), str(err)))
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, code, out.read_text(), err.read_text())


def _become(arguments: list[str], environment: dict[str, str], streams: _Streams) -> None:
    """In the new process: be that command."""
    given, out, err = streams
    adding = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    opened = [os.open(given, os.O_RDONLY), out if isinstance(out, Connection) else os.open(out, adding, 0o600)]
    opened.append(os.open(err, adding, 0o600))
    for number, source in enumerate(opened):
        os.dup2(source if isinstance(source, int) else source.fileno(), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (  # unbuffered, as with PYTHONUNBUFFERED
        io.TextIOWrapper(os.fdopen(number, "wb", buffering=0, closefd=False), encoding="utf-8", write_through=True)
        for number in (1, 2)
    )
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = arguments
    from trackkit.cli.main import main

    main()

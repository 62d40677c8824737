"""`trackkit up`: a server and its dashboards on this machine, for the person who starts it.

Both are processes of their own; the dashboards get a scrubbed environment, so that nothing secret of the starter's
reaches them or the kernels they start. When one of the two ends, the other is stopped.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from trackkit.domain.errors import Unavailable

_KEPT: Final = frozenset(
    "PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV XDG_RUNTIME_DIR SSL_CERT_FILE SSL_CERT_DIR "  # noqa: SIM905
    "TEMP TMP SYSTEMROOT COMSPEC PATHEXT USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA".split()
)
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20


def up(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="TRACKKIT_DATA", help="The server's data folder; made when missing.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="The server's port (1-65535).")] = None,
    dashboards_port: Annotated[int, typer.Option(help="The dashboards' port.", min=1, max=65535)] = 8866,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Start a server with its dashboards on this machine, and print the URL."""
    folder = (data or default_folder()).resolve()
    running: list[subprocess.Popen[str]] = []
    _stop_on_signals()
    try:
        arguments = ["--data", str(folder), *(["--port", str(port)] if port is not None else [])]
        server = _start("server", ["trackkit", "server", "run", *arguments], os.environ, running)
        import_module("trackkit.client")  # takes a moment, and the server does, too

        url, _, fingerprint = server.wait().partition(" ")
        dashboards = _start(
            "dashboards",
            ["trackkit.dashboard", "--server-url", url, "--port", str(dashboards_port)]
            + (["--fingerprint", fingerprint] if fingerprint else []),
            scrubbed(os.environ),
            running,
        )
        code = _setup_code(folder)
        dashboards_url = dashboards.wait()
        _tell(folder, url, fingerprint, dashboards_url, code)
        if not no_browser:
            _open_browser(dashboards_url)
        while all(process.poll() is None for process in running):
            time.sleep(0.2)
        ended = "server" if server.process.poll() is not None else "dashboards"
        raise Unavailable(
            f"The {ended} ended unexpectedly.", f"Look at {folder / 'startup.log'} and the messages above."
        )
    except _Stopped:
        typer.echo("Stopping.")
    finally:
        _stop(running)


class _Stopped(BaseException):
    """SIGTERM or Ctrl+C."""


def default_folder() -> Path:
    """Where the data of a server lies when nothing else is said."""
    import platformdirs

    return platformdirs.user_data_path("trackkit") / "server"


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that dashboards need: an explicit list, so that secrets stay out by default."""
    return {n: v for n, v in environment.items() if n.upper() in _KEPT or n.startswith("LC_") or n == "TRACKKIT_HOME"}


class _Starting:
    """A process under way to its ready line. It is read from on and on, so that it never waits for a full pipe."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._name = name
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self) -> str:
        """What follows ``ready``; `Unavailable` when the process ends or takes too long instead."""
        try:
            ready = self._ready.get(timeout=_START_SECONDS)
        except queue.Empty:
            ready = None
        if ready is None:
            raise Unavailable(f"The {self._name} did not start.", "The messages above say why.")
        return ready

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - asked for in `_start`
        for line in self.process.stdout:
            if line.startswith("ready "):
                self._ready.put(line.removeprefix("ready ").strip())
            else:
                sys.stdout.write(line)
        self._ready.put(None)


def _start(
    name: str,
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    running: list[subprocess.Popen[str]],
) -> _Starting:
    """Start ``python -m …`` in a session of its own: Ctrl+C goes to this process, which stops the others in order."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module_and_arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(environment),
        start_new_session=True,
    )
    running.append(process)
    return _Starting(name, process)


def _setup_code(folder: Path) -> str:
    """A one-time code for the first visitor while the admin has no password; else ``""``."""
    import trackkit

    with trackkit.local(folder) as server:
        return server.setup_code().code if server.info().setup_open else ""


def _tell(folder: Path, url: str, fingerprint: str, dashboards_url: str, code: str) -> None:
    lines = [
        "",
        f"  Dashboards   {dashboards_url}",
        f"  Server       {url}" + (f"  ({fingerprint})" if fingerprint else ""),
        f"  Data folder  {folder}",
    ]
    if code:
        lines += [
            "",
            f"  Set-up code  {code}",
            "  The admin has no password yet: the dashboards ask for this code and let you choose one.",
        ]
    typer.echo("\n".join([*lines, "", "  Ctrl+C stops everything.", ""]))


def _open_browser(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        typer.echo("  (No browser could be opened; use the URL above.)")


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _stop(running: Sequence[subprocess.Popen[str]]) -> None:
    """Stop the dashboards, then the server; what does not end in time is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            typer.echo(f"Process {process.pid} did not stop in {_STOP_SECONDS} s and was killed.", err=True)
            process.kill()
            process.wait()

"""The dashboards as a process of their own, and a browser's view of them without a browser: cookies and forms."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.running import RunningServer, clean_environment
from trackkit.dashboard.folder import dashboards_folder

START_SECONDS = 60
PAGE = "/voila/render/support.ipynb"
PROJECT_PAGE = "/voila/render/project.ipynb"


def without_cells(folder: Path) -> Path:
    """The dashboards that ship with trackkit, made in a folder without what is in them: a kernel that loads nothing
    starts in half the time, and is all that a test needs that is about who gets to it."""
    folder.mkdir()
    for path in dashboards_folder().glob("*.ipynb"):
        content = json.loads(path.read_text(encoding="utf-8"))
        (folder / path.name).write_text(json.dumps({**content, "cells": []}), encoding="utf-8")
    return folder


@dataclass
class RunningDashboards:
    """The dashboards of one server; `stop` ends them in order."""

    server: RunningServer
    home: Path
    url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Of dashboards; none = those that ship with trackkit."""

    def start(self) -> RunningDashboards:
        """Start the process and wait for its `ready` line."""
        command = [sys.executable, "-m", "trackkit.dashboard", "--server-url", self.server.url, "--port", "0"]
        command += ["--fingerprint", f"sha256:{self.server.fingerprint}"]
        if self.folder:
            command += ["--folder", str(self.folder)]
        with self._stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=clean_environment(self.home, **self.environment),
            )
        alarm = threading.Timer(START_SECONDS, self.process.kill)
        alarm.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        alarm.cancel()
        assert line.startswith("ready http://127.0.0.1:"), f"{line!r}; stderr:\n{self.stderr}"
        self.url = line.removeprefix("ready ")
        return self

    @property
    def _stderr_path(self) -> Path:
        return self.home / "dashboards.stderr"

    @property
    def stderr(self) -> str:
        """Everything the process wrote there."""
        return self._stderr_path.read_text(errors="replace")

    def kernels(self) -> list[psutil.Process]:
        """The kernel processes that run now."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in " ".join(_command_line(child))]

    def visitor(self) -> Visitor:
        """Somebody with a browser of their own."""
        return Visitor(self.url)

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


class Visitor:
    """Cookies, forms and pages, as a browser would handle them."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    @property
    def xsrf(self) -> str:
        """The token that every form and every changing request carries."""
        if "_xsrf" not in self.http.cookies:
            self.http.get("/login?form=login")
        return self.http.cookies["_xsrf"]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as its page would."""
        return self.http.post(path, data={"_xsrf": self.xsrf, **fields})

    def log_in(self, username: str, password: str, database: str = "", **more: str) -> httpx.Response:
        """Fill in the log-in form; a database is one of those it offers."""
        to = {"to": f"project:{database}"} if database else {}
        return self.post("/login", username=username, password=password, **{**to, **more})

    def open_page(self, page: str = PAGE) -> str:
        """Open a dashboard; the id of its kernel."""
        answer = self.http.get(page)
        assert answer.status_code == 200, answer
        found = re.search(r'"kernelId": ?"([^"]+)"', answer.text)
        assert found, answer.text[-2000:]
        return found[1]

    @property
    def cookie_header(self) -> str:
        """All cookies, for a websocket."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

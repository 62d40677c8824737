"""JupyterLab as a process of its own, the way an administrator runs it, on copies of the shipped notebooks."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.ports import accepts, free_port, wait_until
from tests.running import clean_environment

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"

# No news, no look for updates (nothing leaves this machine); light or dark as the browser says; and what widgets send
# stays in one order: while JupyterLab is still making the thread of the kernel that is for widgets alone, a click may
# overtake what was typed before it, and a browser driven by a program types that early.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": True},
    "apputils-extension/kernels-settings": {"commsOverSubshells": "disabled"},
}


@dataclass
class RunningLab:
    """JupyterLab with folders of its own for everything; `stop` ends it and its kernels in order."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def start(self) -> RunningLab:
        """Start it and wait until it takes connections."""
        self.port = free_port()
        shutil.copytree(NOTEBOOKS, self.home / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name, values in SETTINGS.items():
            path = self.home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        with self._stderr_path.open("ab") as stderr:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}"),
                    *("--ServerApp.port_retries=0", "--allow-root", f"--ServerApp.root_dir={self.home / 'notebooks'}"),
                    *(
                        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                        "--LabApp.extension_manager=readonly",
                    ),
                ],
                stdout=stderr,
                stderr=stderr,
                env=self._environment(),
                cwd=self.home,
            )
        try:
            wait_until(lambda: accepts(self.port) or self.process.poll() is not None, seconds=60, what="JupyterLab")
        except BaseException:
            self.process.kill()
            raise
        assert self.process.poll() is None, self.stderr
        return self

    def _environment(self) -> dict[str, str]:
        own = {
            name: str(self.home / folder)
            for name, folder in {
                "JUPYTER_CONFIG_DIR": "config",
                "JUPYTER_RUNTIME_DIR": "runtime",
                "JUPYTERLAB_SETTINGS_DIR": "settings",
                "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
                "IPYTHONDIR": "ipython",
            }.items()
        }
        checkout = str(Path(__file__).parent.parent)
        path = os.pathsep.join(filter(None, (checkout, os.environ.get("PYTHONPATH"))))
        return clean_environment(self.home, JUPYTER_TOKEN=self.token, PYTHONPATH=path, **own, **self.environment)

    @property
    def _stderr_path(self) -> Path:
        return self.home / "jupyterlab.stderr"

    @property
    def stderr(self) -> str:
        """Everything the process wrote there."""
        return self._stderr_path.read_text(errors="replace")

    def open(self, page: Page, notebook: str) -> None:
        """Show a notebook alone in the window, and run all its cells in a new kernel. One that the page shows already
        is not loaded again, which takes most of the time."""
        if not page.url.startswith(self._address(notebook)):
            self._load(page, notebook)
        else:
            _menu(page, "Kernel", "Restart Kernel and Clear Outputs of All Cells…")
            page.locator(".jp-Dialog .jp-mod-accept").click()
            expect(page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\[\d+\]"))).to_have_count(0)
        expect(page.get_by_text("| Idle").first).to_be_attached(timeout=60_000)
        _menu(page, "Run", "Run All Cells")
        expect(page.locator(".jp-InputPrompt").filter(has_text="[1]").first).to_be_attached(timeout=60_000)
        expect(page.locator(".jp-InputPrompt").filter(has_text="[*]")).to_have_count(0, timeout=60_000)
        expect(page.get_by_text("| Idle").first).to_be_attached(timeout=60_000)

    def run_again(self, page: Page) -> None:
        """Run all the cells that `open` ran once more, in their kernel: what they show is new, what the kernel knows
        (who is logged in) is not."""
        prompt = page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\d"))
        before = prompt.first.inner_text()
        _menu(page, "Run", "Run All Cells")
        expect(prompt.first).not_to_have_text(before)
        expect(page.locator(".jp-InputPrompt").filter(has_text="[*]")).to_have_count(0, timeout=60_000)
        expect(page.get_by_text("| Idle").first).to_be_attached(timeout=60_000)

    def _address(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/doc/tree/{notebook}"

    def _load(self, page: Page, notebook: str) -> None:
        """Log in where needed, and open a notebook."""
        self._end_kernels()
        page.goto(f"{self._address(notebook)}?reset")
        if "/login" in page.url:
            page.locator("#password_input").fill(self.token)
            page.get_by_role("button", name="Log in", exact=True).click()
        page.locator(".jp-Notebook").wait_for(timeout=60_000)

    def _end_kernels(self) -> None:
        """What an earlier page left running, which would be taken up again."""
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api",
            headers={"Authorization": f"token {self.token}"},
            trust_env=False,
        ) as http:
            for session in http.get("/sessions").json():
                http.delete(f"/sessions/{session['id']}").raise_for_status()

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)


def _menu(page: Page, menu: str, item: str) -> None:
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()

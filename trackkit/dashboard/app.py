"""The dashboards' web server: standalone Voilà with our identity, our rules and our pages.

Standalone, because it ignores what a page asks a kernel to execute. No configuration file, token, password or
variable of Jupyter's is read. It listens on the loopback address only and answers only to its names. The port is
taken or refused: never silently another one.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

from jupyter_core.utils import run_sync
from jupyter_server.base.call_context import CallContext
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.netutil import bind_sockets
from traitlets import Instance
from traitlets.config import Config
from voila.app import Voila

from trackkit.dashboard.access import PAGES, VisitorAuthorizer, guarded, routes
from trackkit.dashboard.catalogue import Catalogue
from trackkit.dashboard.door import SWEEP_SECONDS, Door
from trackkit.dashboard.identity import VisitorIdentity
from trackkit.dashboard.kernels import OwnPython, VisitorKernels
from trackkit.dashboard.pages import MissingPage, page_routes
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import Visits
from trackkit.domain.errors import Conflict

ADDRESS = "127.0.0.1"
TEMPLATES = Path(__file__).parent / "templates"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "object-src 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, so the pages work offline. JupyterLab's scripts need inline scripts and eval; `blob:` is how
anywidget loads a widget's own script, which came through the kernel."""

WIDGETS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
"""The only front-end extensions that are loaded, whatever else is installed beside us."""


def configuration(folder: Path, port: int) -> Config:
    """Everything that is set in Voilà and Jupyter, in one place."""
    return Config(
        Voila={
            "ip": ADDRESS,
            "port": port,
            "root_dir": str(folder),
            "open_browser": False,
            "config_file_paths": [],
            "identity_provider_class": VisitorIdentity,
            "authorizer_class": VisitorAuthorizer,
            "connection_dir_root": _short_folder(),
            "log_level": logging.WARNING,
            "tornado_settings": {
                "allow_remote_access": False,
                "allow_unauthenticated_access": False,
                "headers": {
                    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                    "Referrer-Policy": "same-origin",
                },
                "xsrf_cookie_kwargs": {"samesite": "Strict"},
                "ws_ping_timeout": 30_000,
            },
        },
        VoilaConfiguration={
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "show_tracebacks": False,
            "strip_sources": True,
            "preheat_kernel": False,
            "progressive_rendering": False,
            "multi_kernel_manager_class": VisitorKernels,
            "kernel_spec_manager_class": OwnPython,
            "extension_allowlist": WIDGETS,
            "page_config_hook": _who_is_here,
        },
        KernelManager={"transport": "ipc"},
        MappingKernelManager={"cull_idle_timeout": 900, "cull_interval": 60, "cull_connected": False},
    )


def _short_folder() -> str:
    """Where connection files go: the path of a Unix socket may have about 100 characters only."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= 40 else "/tmp"  # noqa: S108 - only the parent of a private mkdtemp folder


def _who_is_here(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What the page's head shows while the kernel starts, and the log-out form's token."""
    handler = CallContext.get(CallContext.JUPYTER_HANDLER)
    visitor = handler.current_user
    here = handler.settings["authorizer"].catalogue.at(handler.request.path)
    page_config["trackkit"] = {
        "username": visitor.username,
        "known_as": visitor.known_as,
        "xsrf": handler.xsrf_token.decode(),
        "dashboards": [
            {"path": one.path, "title": one.title, "here": one == here}
            for one in handler.settings["authorizer"].catalogue.open_to(visitor)
        ],
    }
    return page_config


class Dashboards(Voila):  # type: ignore[misc]
    """Voilà with doors."""

    visits = Instance(Visits)
    server = Instance(TrackkitServer)

    @property
    def folder(self) -> Path:
        """The folder of dashboards."""
        return Path(self.root_dir)

    @cached_property
    def catalogue(self) -> Catalogue:
        """To whom each dashboard opens."""
        return Catalogue(self.folder, lambda name, why: self.log.error("Nobody can open dashboard %s: %s.", name, why))

    def initialize(self, argv: list[str] | None = None) -> None:
        """Voilà's own, without the warning about notebooks whose stored outputs are not trusted: ours hold none."""
        super().initialize(argv)
        self.log.addFilter(lambda record: record.msg != "Notebook %s is not trusted")
        self.catalogue.all()  # what cannot be opened is told now, not when the first visitor comes

    def setup_template_dirs(self) -> None:
        """Ours first: page, error page, log-in."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))

    def init_settings(self) -> dict[str, Any]:
        """One template environment for all pages, and the door."""
        settings: dict[str, Any] = super().init_settings()
        settings["jinja2_env"] = settings["voila_jinja2_env"]
        settings["door"] = self.door = Door(self.visits, self.server, self.kernel_manager, self.log)
        settings["trackkit_server"] = self.server
        settings["default_handler_class"] = guarded(MissingPage, PAGES)
        return settings

    def init_handlers(self) -> list[tuple[Any, ...]]:
        """Our pages, and of Voilà's routes those that are opened in `trackkit.dashboard.access`."""
        return page_routes() + routes(super().init_handlers())

    def listen(self) -> None:
        """Take the port, say so on standard output, and serve until SIGTERM or Ctrl+C."""
        wanted: int = self.port
        try:
            sockets = bind_sockets(wanted, ADDRESS)
        except OSError as error:
            raise Conflict(
                f"Port {wanted} of {ADDRESS} cannot be used for the dashboards: {error.strerror}.",
                "Stop the program that uses it, or choose another port.",
            ) from None
        port = sockets[0].getsockname()[1]
        HTTPServer(self.app).add_sockets(sockets)
        PeriodicCallback(self.door.sweep, SWEEP_SECONDS * 1000).start()
        self.ioloop = IOLoop.current()
        self.ioloop.add_callback(lambda: print(f"ready http://{ADDRESS}:{port}", flush=True))  # noqa: T201
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            self.log.info("Stopping.")

    def stop(self) -> None:
        """End the kernels, then remove what connects to them."""
        run_sync(self.kernel_manager.shutdown_all)(now=True)
        shutil.rmtree(self.connection_dir)


def serve(server: TrackkitServer, folder: Path, port: int) -> None:
    """Serve the dashboards of `folder` until told to stop; port 0 takes any free one.

    Raises
    ------
    Conflict: the port cannot be used.
    """
    app = Dashboards(server=server, visits=Visits(), config=configuration(folder, port))
    app.initialize([])
    try:
        app.start()
    finally:
        app.stop()

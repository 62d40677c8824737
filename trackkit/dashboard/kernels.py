"""Kernels: started for a logged-in visitor only, with that visitor's session and a bare environment.

What a kernel may do follows from the session token it gets, which the trackkit server checks at every call. Nothing
of this process's environment reaches a kernel except the names in `PASSED_ON`. A start without a visitor raises
HTTP 403; there is no other way to start a kernel here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.base.call_context import CallContext
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import default

from trackkit.contract.operation import Realm
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import KERNELS_PER_VISIT, Visitor

if TYPE_CHECKING:
    from trackkit.dashboard.app import Dashboards

PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH"),
    *("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
)
"""Names of this process's environment that a kernel needs to run. PYTHONPATH: a checkout that is not installed."""

TOKEN_NAMES: Mapping[Realm, str] = MappingProxyType({"server": "TRACKKIT_TOKEN", "project": "TRACKKIT_PROJECT_TOKEN"})
"""Under which name a kernel gets its visitor's session: one of them, never both."""


def kernel_environment(visitor: Visitor, server: TrackkitServer, own: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a visitor's kernel.

    Parameters
    ----------
    own: this process's environment, of which only `PASSED_ON` is taken.
    """
    return {name: own[name] for name in PASSED_ON if name in own} | {
        "TRACKKIT_SERVER": server.url,
        TOKEN_NAMES[visitor.realm]: visitor.token,
        **({"TRACKKIT_FINGERPRINT": server.fingerprint} if server.fingerprint else {}),
    }


def current_visitor() -> Visitor:
    """The visitor whose request is being answered; HTTP 403 when there is none."""
    handler = CallContext.get(CallContext.JUPYTER_HANDLER)
    visitor = handler.current_user if handler is not None else None
    if not isinstance(visitor, Visitor):
        raise HTTPError(403, "A kernel starts only for somebody who is logged in.")
    return visitor


class OwnPython(KernelSpecManager):
    """Only the Python that runs the dashboards: no kernel specification that somebody left in a home folder."""

    @default("kernel_dirs")
    def _no_folders(self) -> list[str]:
        return []


class VisitorKernels(AsyncMappingKernelManager):
    """Starts each kernel for, and as, the visitor whose request asks for it."""

    @property
    def app(self) -> Dashboards:
        """The application, which knows the visits and the trackkit server."""
        return cast("Dashboards", self.parent)

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel that belongs to the visitor of the current request; whatever `env` says is replaced."""
        visitor = current_visitor()
        kwargs["env"] = kernel_environment(visitor, self.app.server, os.environ)
        kernel_id: str = await super().start_kernel(**kwargs)
        if self.app.visits.get(visitor.key) is None:  # logged out while the kernel was starting
            await self.end_kernels([kernel_id])
            raise HTTPError(403, "This visit has ended.")
        visitor.kernels.append(kernel_id)
        await self.end_kernels(visitor.kernels[:-KERNELS_PER_VISIT])
        return kernel_id

    def remove_kernel(self, kernel_id: str) -> Any:
        """Called by Jupyter when a kernel has ended, for whatever reason."""
        self.app.visits.forget_kernel(kernel_id)
        return super().remove_kernel(kernel_id)

    async def end_kernels(self, kernel_ids: Iterable[str]) -> None:
        """Shut down these kernels, as far as they still run."""
        for kernel_id in tuple(kernel_ids):
            if kernel_id in self:
                await self.shutdown_kernel(kernel_id, now=True)  # type: ignore[no-untyped-call]

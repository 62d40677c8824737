"""Which routes there are, and who gets through each: everything is closed unless it is opened here.

`routes` takes from Voilà only the routes named in `VOILA_ROUTES` and puts `guarded` before each of them, so a route
that a new version of Voilà brings along is not served until somebody has thought about it. The rules themselves are
in one place, `VisitorAuthorizer`, which Jupyter's own handlers ask as well.

Without log-in a page leads to the log-in page and everything else is refused with 403. A dashboard of another realm or
role is refused with 403 and a page that says so. What belongs to somebody else is answered like what does not exist,
with 404.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from jupyter_core.utils import ensure_async
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import User
from tornado.web import HTTPError, RequestHandler

from trackkit.dashboard.catalogue import RENDER, Catalogue, Dashboard
from trackkit.dashboard.plain import answer
from trackkit.dashboard.visits import Visitor

if TYPE_CHECKING:
    from trackkit.dashboard.app import Dashboards

KERNELS, DASHBOARDS, ASSETS, PAGES = "kernels", "dashboards", "assets", "pages"
"""What a route gives access to. `KERNELS` is the name Jupyter's own handlers use."""

_KERNEL_ID = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"

VOILA_ROUTES: Mapping[str, str] = MappingProxyType(
    {
        rf"/api/kernels/{_KERNEL_ID}": KERNELS,
        rf"/api/kernels/{_KERNEL_ID}/channels": KERNELS,
        "/voila/api/shutdown/(.*)": KERNELS,
        f"{RENDER}(.*)": DASHBOARDS,
        "/voila/templates/(.*)": ASSETS,
        "/voila/static/(.*)": ASSETS,
        "/voila/api/themes/(.*)": ASSETS,
        "/voila/labextensions/(.*)": ASSETS,
    }
)
"""Voilà's routes that are served. Left out on purpose: its file browser, its files and its contents API."""


class VisitorAuthorizer(Authorizer):
    """The rules: kernels belong to the visit that started them, a dashboard opens to its realm and role, and what
    dashboards are shown with opens to all who are logged in.
    """

    @property
    def catalogue(self) -> Catalogue:
        """To whom each dashboard opens."""
        return cast("Dashboards", self.parent).catalogue

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        """Whether the visitor may; resources nobody has named here are refused to everybody."""
        if not isinstance(user, Visitor):
            return False
        target = _target(handler)
        if resource == KERNELS:
            return target in user.kernels
        if resource == DASHBOARDS:
            dashboard = self.catalogue.named(target)
            return dashboard is not None and dashboard.opens_to(user)
        if resource == ASSETS:
            return ".." not in str(target).split("/")  # Voilà refuses these too, but not always without failing
        return resource == PAGES

    def closed(self, handler: Any, resource: str) -> Dashboard | None:
        """The dashboard that a refused request was for; none when it was not for one that there is."""
        return self.catalogue.named(_target(handler)) if resource == DASHBOARDS else None


def _target(handler: Any) -> str | None:
    """What of the resource is asked for: the part of the address that the route leaves open."""
    return next(iter([*handler.path_kwargs.values(), *handler.path_args]), None)


def guarded(handler_class: type[Any], resource: str) -> type[Any]:
    """The handler, asking who it is and whether they may before it does anything at all."""

    class Guarded(handler_class):  # type: ignore[misc]
        async def prepare(self) -> None:
            visitor = self.settings["identity_provider"].get_user(self)
            self.current_user = self._jupyter_current_user = visitor
            if visitor is None or (resource == DASHBOARDS and not await self.settings["door"].still_open(visitor)):
                self.current_user = self._jupyter_current_user = None
                _send_to_login(self, resource)
                return
            authorizer = self.settings["authorizer"]
            if not authorizer.is_authorized(self, visitor, self.request.method or "", resource):
                closed = authorizer.closed(self, resource)
                if closed is None:
                    raise HTTPError(404)
                refuse(self, closed)
                return
            await ensure_async(super().prepare())

    Guarded.__name__ = handler_class.__name__
    return Guarded


def refuse(handler: Any, dashboard: Dashboard | None) -> None:
    """Say that a dashboard is not open to the visitor (none = that nothing here is), why, and what they can do."""
    visitor = handler.current_user
    handler.set_status(403)
    others = handler.settings["authorizer"].catalogue.open_to(visitor)
    answer(handler, "refused.html", visitor=visitor, dashboard=dashboard, others=others)


def _send_to_login(handler: RequestHandler, resource: str) -> None:
    if resource in (DASHBOARDS, PAGES) and handler.request.method in ("GET", "HEAD"):
        handler.redirect("/login?" + urlencode({"next": handler.request.uri or "/"}))
    else:
        raise HTTPError(403)


def routes(of_voila: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Voilà's routes, guarded, without those that are not served; `LookupError` when an expected one is missing."""
    found = {route[0]: route for route in of_voila}
    missing = VOILA_ROUTES.keys() - found.keys()
    if missing:
        raise LookupError(f"This version of Voilà has no route {', '.join(sorted(missing))}.")
    return [
        (pattern, guarded(found[pattern][1], resource), *found[pattern][2:])
        for pattern, resource in VOILA_ROUTES.items()
    ]

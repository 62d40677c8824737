"""Who is asking: the visit whose key the browser's cookie holds, and nothing else.

Jupyter's own ways in (a token in the address or a header, a password in a configuration file, anonymous users) are
all closed: `get_user` is replaced as a whole and never looks at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.identity import IdentityProvider
from tornado.web import RequestHandler

from trackkit.dashboard.visits import Visitor, Visits

if TYPE_CHECKING:
    from trackkit.dashboard.app import Dashboards


class VisitorIdentity(IdentityProvider):
    """Visits instead of users."""

    @property
    def visits(self) -> Visits:
        """Of the application."""
        return cast("Dashboards", self.parent).visits

    def get_user(self, handler: RequestHandler) -> Visitor | None:
        """The visitor, or none."""
        return self.visits.get(handler.get_cookie(self.get_cookie_name(handler)) or "")

    def get_handlers(self) -> list[tuple[str, object]]:
        """None: the log-in pages are routes of ours (`trackkit.dashboard.pages`)."""
        return []

    def remember(self, handler: RequestHandler, visitor: Visitor) -> None:
        """Give the browser the key of a new visit; scripts and other sites never see it."""
        handler.set_cookie(
            self.get_cookie_name(handler),
            visitor.key,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=handler.request.protocol == "https",
        )

    def should_check_origin(self, handler: Any) -> bool:
        """Always: nobody comes in by token."""
        return True

    def is_token_authenticated(self, handler: Any) -> bool:
        """Never, so the checks against cross-site requests always apply."""
        return False

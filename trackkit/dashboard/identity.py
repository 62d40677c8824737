"""Who is asking: the visit whose key the browser's cookie holds, and nothing else.

Jupyter's own ways in (a token in the address or a header, a password in a configuration file, anonymous users) are
all closed: `get_user` is replaced as a whole and never looks at them.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.identity import IdentityProvider
from tornado.web import RequestHandler

from trackkit.dashboard.visits import Visitor, Visits

if TYPE_CHECKING:
    from trackkit.dashboard.app import Dashboards

PROOF_DAYS = 90
"""So long after its last log-in a browser is still known to the account."""


class VisitorIdentity(IdentityProvider):
    """Visits instead of users."""

    @property
    def visits(self) -> Visits:
        """Of the application."""
        return cast("Dashboards", self.parent).visits

    def get_user(self, handler: RequestHandler) -> Visitor | None:
        """The visitor, or none."""
        return self.visits.get(handler.get_cookie(self.get_cookie_name(handler)) or "")

    def was_in(self, handler: RequestHandler) -> str:
        """The project that the visit of this browser was in before it ended."""
        return self.visits.was_in(handler.get_cookie(self.get_cookie_name(handler)) or "")

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

    def proof_of(self, handler: RequestHandler, database: str) -> str | None:
        """What this browser kept of its last log-in there: to that project, or (without a name) to the server."""
        return handler.get_cookie(self._proof_name(handler, database))

    def keep_proof(self, handler: RequestHandler, database: str, proof: str) -> None:
        """Let the browser keep it beyond the visit; it opens nothing, so it may stay after log-out."""
        handler.set_cookie(
            self._proof_name(handler, database),
            proof,
            path="/login",
            expires_days=PROOF_DAYS,
            httponly=True,
            samesite="Strict",
            secure=handler.request.protocol == "https",
        )

    def _proof_name(self, handler: RequestHandler, database: str) -> str:
        """One for each project, so that a log-in to one takes nothing from those to others."""
        whose = f"-{sha256(database.casefold().encode()).hexdigest()[:16]}" if database else ""
        return f"{self.get_cookie_name(handler)}-proof{whose}"

    def should_check_origin(self, handler: Any) -> bool:
        """Always: nobody comes in by token."""
        return True

    def is_token_authenticated(self, handler: Any) -> bool:
        """Never, so the checks against cross-site requests always apply."""
        return False

"""The pages around the dashboards: log-in, set-up of a fresh server, log-out, and the way to the first dashboard.

They are plain HTML and work without scripts. Every form carries the XSRF token, which is checked before anything
else happens. What a person typed wrong is said on the page, in words; a password is never shown again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError, StaticFileHandler

from trackkit import widgets
from trackkit.contract.project import Offered
from trackkit.contract.server import ServerInfo
from trackkit.contract.wire import status_of
from trackkit.dashboard.access import PAGES, guarded, refuse
from trackkit.dashboard.catalogue import Catalogue
from trackkit.dashboard.door import Door
from trackkit.dashboard.log_in_to import SERVER, LogInTo, choices
from trackkit.dashboard.plain import CONTENT_SECURITY_POLICY, answer
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.dashboard.visits import Visitor
from trackkit.domain.errors import InvalidInput, TooManyAttempts, TrackkitError

NOTICES = {
    "ready": "The admin password is set. Log in as admin.",
    "left": "You are logged out.",
}


def safe_next(target: str) -> str:
    """Where to go after log-in: a path of this site, else the start page."""
    parts = urlsplit(target)
    outside = parts.scheme or parts.netloc or not target.startswith("/") or target[1:2] in ("/", "\\")
    return "/" if outside or not target.isprintable() else target


class Page(JupyterHandler):
    """A plain page with its own strict content policy."""

    @property
    def content_security_policy(self) -> str:
        return CONTENT_SECURITY_POLICY

    @property
    def door(self) -> Door:
        """Where visitors log in and out."""
        return self.settings["door"]  # type: ignore[no-any-return]

    @property
    def server(self) -> TrackkitServer:
        """The trackkit server these dashboards belong to."""
        return self.settings["trackkit_server"]  # type: ignore[no-any-return]

    @property
    def catalogue(self) -> Catalogue:
        """To whom each dashboard opens."""
        return self.settings["authorizer"].catalogue  # type: ignore[no-any-return]

    @property
    def next_page(self) -> str:
        """Where the person was going."""
        return safe_next(self.get_argument("next", "/"))

    def show(self, template: str, error: TrackkitError | None = None, **facts: Any) -> None:
        """Answer with a page; an error gives it its status and its line."""
        if error is not None:
            self.set_status(status_of(error))
        if isinstance(error, TooManyAttempts):
            self.set_header("Retry-After", str(error.retry_after))
        answer(self, template, **facts, error=error, server=self.server.url, next=self.next_page)


class LoginPage(Page):
    """What to log in to, user name and password; on a server without an admin password the way to set it."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The form."""
        if self.current_user is not None:
            self.redirect(self.next_page)
            return
        error, info, offered = await self._front()
        chosen = self._meant(offered)
        if info and info.setup_open and chosen.value == SERVER and not self.get_argument("form", ""):
            self.redirect("/setup")
            return
        notice = self.get_argument("notice", "")
        username = "admin" if notice == "ready" else ""
        self._show(error, info, offered, chosen, username, NOTICES.get(notice, ""))

    @allow_unauthenticated
    async def post(self) -> None:
        """Log in, or say on the same page why not."""
        chosen = LogInTo(self.get_body_argument("to", SERVER), self.get_body_argument("other", ""))
        username = self.get_body_argument("username", "")
        try:
            visitor = await self._log_in(chosen.checked().database, username)
        except TrackkitError as error:
            _, info, offered = await self._front()  # that it does not answer either is said by the error already
            self._show(error, info, offered, chosen, username, "")
            return
        dashboard = self.catalogue.at(self.next_page)
        changed_their_mind = dashboard is not None and dashboard.realm != visitor.realm
        self.redirect("/" if changed_their_mind else self.next_page)

    async def _log_in(self, database: str, username: str) -> Visitor:
        identity = self.settings["identity_provider"]
        password = self.get_body_argument("password", "", strip=False)
        shown = identity.proof_of(self, database)
        visitor, proof = await self.door.enter(username, password, shown, database=database)
        if self.current_user is not None:
            await self.door.leave(self.current_user)
        identity.remember(self, visitor)
        identity.keep_proof(self, database, proof)
        return visitor

    async def _front(self) -> tuple[TrackkitError | None, ServerInfo | None, tuple[Offered, ...]]:
        """What the server says before any log-in; when it cannot be asked why, and nothing."""
        try:
            return (None, *await self.server.front())
        except TrackkitError as error:
            return error, None, ()

    def _meant(self, offered: tuple[Offered, ...]) -> LogInTo:
        """What somebody who comes here probably wants to log in to: what the address names or leads to, or what they
        were in before.
        """
        named = self.get_argument("database", "") or self.settings["identity_provider"].was_in(self)
        dashboard = self.catalogue.at(self.next_page)
        realm = dashboard.realm if dashboard else "project" if named else "server"
        if realm == "server":
            return LogInTo()
        return LogInTo.project(named or (offered[0].name if offered else ""))

    def _show(
        self,
        error: TrackkitError | None,
        info: ServerInfo | None,
        offered: tuple[Offered, ...],
        chosen: LogInTo,
        username: str,
        notice: str,
    ) -> None:
        self.show(
            "login.html",
            error,
            choices=choices(offered),
            chosen=chosen.among(offered),
            username=username,
            notice=notice,
            text=info.login_text if info else "",
            setup_open=bool(info and info.setup_open),
        )


class SetupPage(Page):
    """The first visitor sets the admin password with the one-time code that `trackkit up` printed."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The form, as long as the server has no admin password."""
        try:
            if (await self.server.info()).setup_open:
                self.show("setup.html")
            else:
                self.redirect("/login")
        except TrackkitError as error:
            self.show("setup.html", error)

    @allow_unauthenticated
    async def post(self) -> None:
        """Set the password; then everybody logs in the usual way."""
        code = self.get_body_argument("code", "")
        password = self.get_body_argument("password", "", strip=False)
        try:
            if password != self.get_body_argument("again", "", strip=False):
                raise InvalidInput("The two passwords differ; nothing was changed.")
            await self.server.complete_setup(code, password)
        except TrackkitError as error:
            self.show("setup.html", error)
            return
        self.redirect("/login?" + urlencode({"notice": "ready"}))


class LogoutPage(Page):
    """Log out; by POST only, so that no link or picture of another site can do it."""

    async def post(self) -> None:
        """End the visit; the log-in page then offers what this one was in, or what leads to where one wants to go."""
        visitor: Visitor = self.current_user
        await self.door.leave(visitor)
        self.settings["identity_provider"].clear_login_cookie(self)
        again = {"notice": "left"}
        if self.next_page != "/":
            again["next"] = self.next_page
        elif visitor.database:
            again["database"] = visitor.database
        self.redirect("/login?" + urlencode(again))


class StartPage(Page):
    """Leads to the first dashboard that opens to the visitor."""

    async def get(self) -> None:
        """Redirect there; 403 when there is none."""
        open_to_them = self.catalogue.open_to(self.current_user)
        if open_to_them:
            self.redirect(open_to_them[0].path)
        else:
            refuse(self, None)


class MissingPage(Page):
    """Everything else: 404 for those who are logged in."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse any method."""
        await super().prepare()
        raise HTTPError(404)


def page_routes() -> list[tuple[Any, ...]]:
    """The routes of these pages; log-in, set-up and the style sheet are the only ones open to everybody."""
    return [
        ("/login", LoginPage),
        ("/setup", SetupPage),
        (r"/(look\.css)", StaticFileHandler, {"path": widgets.folder()}),
        ("/logout", guarded(LogoutPage, PAGES)),
        ("/", guarded(StartPage, PAGES)),
    ]

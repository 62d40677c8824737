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
from trackkit.contract.wire import status_of
from trackkit.dashboard.access import PAGES, guarded
from trackkit.dashboard.door import Door
from trackkit.dashboard.folder import dashboard_names
from trackkit.dashboard.server_calls import TrackkitServer
from trackkit.domain.errors import InvalidInput, TooManyAttempts, TrackkitError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

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

    def show(self, template: str, error: TrackkitError | None = None, **facts: Any) -> None:
        """Answer with a page; an error gives it its status and its line."""
        if error is not None:
            self.set_status(status_of(error))
        if isinstance(error, TooManyAttempts):
            self.set_header("Retry-After", str(error.retry_after))
        self.set_header("Cache-Control", "no-store")
        next_page = safe_next(self.get_argument("next", "/"))
        facts |= {"error": error, "server": self.server.url, "next": next_page}
        self.finish(self.render_template(template, **facts))  # type: ignore[no-untyped-call]


class LoginPage(Page):
    """User name and password; on a server without an admin password the way to set it."""

    @allow_unauthenticated
    async def get(self) -> None:
        """The form."""
        if self.current_user is not None:
            self.redirect(safe_next(self.get_argument("next", "/")))
            return
        notice = NOTICES.get(self.get_argument("notice", ""), "")
        try:
            info = await self.server.info()
        except TrackkitError as error:
            self.show("login.html", error, notice=notice, username="", setup_open=False, text="")
            return
        if info.setup_open and not self.get_argument("form", ""):
            self.redirect("/setup")
            return
        username = "admin" if self.get_argument("notice", "") == "ready" else ""
        self.show("login.html", notice=notice, username=username, setup_open=info.setup_open, text=info.login_text)

    @allow_unauthenticated
    async def post(self) -> None:
        """Log in, or say on the same page why not."""
        username = self.get_body_argument("username", "")
        identity = self.settings["identity_provider"]
        password = self.get_body_argument("password", "", strip=False)
        try:
            visitor, proof = await self.door.enter(username, password, identity.proof_of(self))
        except TrackkitError as error:
            text = await self._text()
            self.show("login.html", error, notice="", username=username, setup_open=False, text=text)
            return
        if self.current_user is not None:
            await self.door.leave(self.current_user)
        identity.remember(self, visitor)
        identity.keep_proof(self, proof)
        self.redirect(safe_next(self.get_body_argument("next", "/")))

    async def _text(self) -> str:
        """The server's text; none while the server does not answer, which the page says anyway."""
        try:
            return (await self.server.info()).login_text
        except TrackkitError:
            return ""


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
        """End the visit."""
        await self.door.leave(self.current_user)
        self.settings["identity_provider"].clear_login_cookie(self)
        self.redirect("/login?" + urlencode({"notice": "left"}))


class StartPage(Page):
    """Leads to the first dashboard."""

    async def get(self) -> None:
        """Redirect there."""
        names = dashboard_names(self.settings["authorizer"].folder)
        if not names:
            raise HTTPError(404)
        self.redirect(f"/voila/render/{names[0]}")


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

"""``/submit``: the form with which people without an account submit a defect, beside the API on the same port.

GET ``/submit`` chooses the project where there are several, GET ``/submit/{database}`` shows its form, POST ``/submit``
takes it and leads to a page of thanks, so that loading that again submits nothing twice. A POST has to be a plain form
(``application/x-www-form-urlencoded``, UTF-8, bounded, each field once) and must not come from another site: who visits
that has an address, and its room for submissions would be used up. Whatever fails is a page in words; one that was
filled in comes back as it was typed.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trackkit.api import submit_pages as pages
from trackkit.api.faults import logged_fault
from trackkit.api.origin import origin_of
from trackkit.contract.operation import Nothing
from trackkit.domain.declared import checked, fields_of
from trackkit.domain.errors import InvalidInput, MessageTooLarge, NotAllowed, NotFound, Problem, TrackkitError
from trackkit.domain.project.submission import MAXIMUM_BODY, REFUSED, Submission
from trackkit.services import submissions
from trackkit.services.authentication import nobody
from trackkit.services.environment import Call, Environment

_DATABASE: Final = "database"
_KNOWN: Final = (_DATABASE, *fields_of(Submission))
_FORM: Final = "application/x-www-form-urlencoded"
_MAXIMUM_DIGITS: Final = 18
_MAXIMUM_FIELDS: Final = 20


class BesideApi:
    """ASGI: what is under ``/submit`` goes to the form, everything else to the API."""

    def __init__(self, api: ASGIApp, environment: Environment) -> None:
        self._api, self._form = api, _form_app(environment)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        path = scope.get("path", "")
        ours = scope["type"] == "http" and (path == pages.PATH or path.startswith(f"{pages.PATH}/"))
        await (self._form if ours else self._api)(scope, receive, send)


def _form_app(environment: Environment) -> Starlette:
    app = Starlette(
        routes=[Route(pages.PATH, _Submit), Route(pages.PATH + "/{database:path}", _Database)],
        exception_handlers={
            TrackkitError: _known,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _unforeseen,
        },
    )
    app.state.environment = environment
    return app


def _call(request: Request) -> Call:
    environment: Environment = request.app.state.environment
    return Call(environment, nobody(*origin_of(request)), environment.clock())


class _Submit(HTTPEndpoint):
    """Choosing a project, and taking the form."""

    def get(self, request: Request) -> Response:
        call = _call(request)
        found = submissions.submission_databases(call, Nothing()).databases
        if not found:
            submissions.check_licensed(call)
        return pages.form(found[0].name, found[0].description) if len(found) == 1 else pages.choose(found)

    async def post(self, request: Request) -> Response:
        _refuse_other_sites(request.headers)
        typed = _typed(request.headers.get("content-type", ""), await _body(request))
        return await run_in_threadpool(_submitted, _call(request), typed)


class _Database(HTTPEndpoint):
    """The form of one project, and the thanks for what was submitted to it."""

    def get(self, request: Request) -> Response:
        offered = submissions.submission_database(_call(request), request.path_params["database"])
        number = request.query_params.get("thanks", "")
        if number.isascii() and number.isdigit() and len(number) <= _MAXIMUM_DIGITS:
            return pages.thanks(offered.name, int(number))
        return pages.form(offered.name, offered.description)


def _submitted(call: Call, typed: dict[str, str]) -> Response:
    database = typed.pop(_DATABASE, "")
    try:
        done = submissions.accept(call, database, checked(Submission, typed, REFUSED))
    except TrackkitError as error:
        return pages.form(database, typed=typed, error=error)
    return RedirectResponse(f"{pages.path_to(database)}?thanks={done.number}", 303, pages.HEADERS)


def _refuse_other_sites(headers: Headers) -> None:
    """`NotAllowed` for a form that another site sent.

    Browsers say it in a header that no script can set (Fetch Metadata); those that say it only over TLS, and older
    ones, name the site the form is from. What is no browser says neither, and sends no form in somebody else's name.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    if not own:
        raise NotAllowed("The form came from another site; nothing was stored.", "Use the form of this server.")


async def _body(request: Request) -> bytes:
    announced, body = request.headers.get("content-length", "0"), bytearray()
    if announced.isdigit() and int(announced) > MAXIMUM_BODY:
        raise _too_long()
    async for piece in request.stream():
        body += piece
        if len(body) > MAXIMUM_BODY:
            raise _too_long()
    return bytes(body)


def _too_long() -> MessageTooLarge:
    return MessageTooLarge("What you sent is too long; nothing was stored.", "Write less.")


def _typed(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form; refused unless each is known and there once."""
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media != _FORM or any(p.startswith("charset=") and p.strip('"') != "charset=utf-8" for p in parameters):
        raise HTTPException(415, f"This page takes a form as {_FORM} in UTF-8 only; nothing was stored.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MAXIMUM_FIELDS,
        )
    except ValueError:
        raise HTTPException(400, "What was sent is no form; nothing was stored.") from None
    names = [name for name, _ in pairs]
    problems = [Problem(name[:100], "is no field of this form") for name in names if name not in _KNOWN]
    problems += [Problem(name, "is there more than once") for name in _KNOWN if names.count(name) > 1]
    problems += [Problem(name, "is missing") for name in (_DATABASE,) if name not in names]
    if problems:
        raise InvalidInput(REFUSED, problems=problems[:10])
    return dict(pairs)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, TrackkitError)  # noqa: S101 - for the type checker; the registration says so
    # Of a body that is too long the rest is not read, so nothing can follow it on this connection.
    return pages.trouble(error, headers={"Connection": "close"} if isinstance(error, MessageTooLarge) else None)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    words = {404: "There is no such page.", 405: "This page cannot be used that way."}
    message = words.get(error.status_code, error.detail)
    return pages.trouble(NotFound(message), error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is there to read it; no defect, so the log says nothing."""
    return pages.trouble(InvalidInput("The form did not arrive whole; nothing was stored."), 400)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return pages.trouble(logged_fault(request.app.state.environment, request, error))

"""The ASGI application, made from the catalogue of operations.

Every request is bounded in size before it is read, authenticated, checked against the operation's role, validated,
and answered by its use case in a thread. Every error leaves as a `WireError`; one that nobody foresaw is logged with
a reference and leaves as `ServerFault` without its details.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, TypeAdapter, create_model
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp

from trackkit.api.description import answers_of, describe
from trackkit.api.docs import add_docs
from trackkit.api.faults import SOURCE, logged_fault
from trackkit.api.limits import LimitBody
from trackkit.api.origin import origin_of
from trackkit.api.submit_form import BesideApi
from trackkit.contract import inbox, mail, project, project_mail
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX, Octets, Operation
from trackkit.contract.wire import AUTOMATIC_HEADER, WireError, status_of
from trackkit.domain import errors
from trackkit.domain.errors import InvalidInput, NotAllowed, NotFound, NotLoggedIn, Problem, ServerFault, TrackkitError
from trackkit.domain.log import Severity
from trackkit.domain.project import submission
from trackkit.services.authentication import authenticate, nobody
from trackkit.services.catalogue import BINDINGS, Binding
from trackkit.services.environment import Call, Environment
from trackkit.services.passwords import PROJECT_PREFIX
from trackkit.services.project_login import authenticate_project

_SMALL_BODY: Final = 1024 * 1024
_IMPORT_BODY: Final = 64 * _SMALL_BODY

_MAIL_PATHS: Final = tuple(
    compile_path(PREFIX + operation.path)[0]
    for operation in (mail.SUBMIT, project_mail.SEND, project_mail.REPLY, inbox.REPLAY)
)
"""Where a request holds a mail, or the files that go with one."""


def create_app(environment: Environment, bindings: Mapping[str, Binding] = BINDINGS) -> ASGIApp:
    """The application, with the form for people without an account beside it.

    Raises `ServerFault` when an operation has no handler, or a handler no operation.
    """
    if unbound := set(OPERATIONS) ^ set(bindings):
        raise ServerFault(f"The server cannot start: no handler, or no operation, for {', '.join(sorted(unbound))}.")
    # A path that is none is answered as such: a redirect to one without its slash would be no error that clients know.
    app = FastAPI(title="trackkit", version=environment.version, docs_url=None, redoc_url=None, redirect_slashes=False)
    add_docs(app)
    describe(app)
    app.state.environment, app.state.bindings = environment, bindings
    app.router.routes.extend(operation_routes())
    _add_error_handlers(app, environment)
    app.add_middleware(LimitBody, limit=lambda path: _body_limit(environment, path))
    return BesideApi(app, environment)


def _body_limit(environment: Environment, path: str) -> int:
    """Bytes a request may have: base64 makes a message a third longer."""
    if path == PREFIX + project.IMPORT.path:
        return _IMPORT_BODY
    if path == PREFIX + project.ATTACH.path:
        return project.MAXIMUM_FILE * 4 // 3 + 2 * _SMALL_BODY
    if path == PREFIX + project.SUBMIT.path:
        return submission.MAXIMUM_BODY
    if not any(one.match(path) for one in _MAIL_PATHS):
        return _SMALL_BODY
    return environment.options.current.sending.timing.largest_message * 4 // 3 + 2 * _SMALL_BODY


@cache
def operation_routes() -> Sequence[BaseRoute]:
    """What requests of each operation look like. Most of what it takes to make an application, and the same for all:
    a route finds the server it is of by its request."""
    router = APIRouter()
    for operation in OPERATIONS.values():
        _add_route(router, operation)
    return tuple(router.routes)


def _add_route(router: APIRouter, operation: Operation[Any, Any]) -> None:
    octets = issubclass(operation.response, Octets)
    answers = TypeAdapter[BaseModel](operation.response)

    def endpoint(**values: Any) -> Response:
        http: Request = values.pop("http")
        call = _call(http.app.state.environment, operation, http)
        asked = _request(operation, values)
        answer: BaseModel = http.app.state.bindings[operation.name].handler(call, asked)
        if isinstance(answer, Octets):
            return StreamingResponse(answer.pieces, media_type=answer.media_type)
        return Response(answers.dump_json(answer), media_type=JSONResponse.media_type)

    endpoint.__signature__ = inspect.Signature(_parameters(operation))  # type: ignore[attr-defined]
    endpoint.__name__ = operation.name.replace(".", "_")
    role = f"Needs the role {operation.role}." if operation.role else "Needs no log-in."
    if operation.realm == "project":
        role = "Needs a project session; the user's security groups decide."
    router.add_api_route(
        PREFIX + operation.path,
        endpoint,
        methods=[operation.method],
        response_model=None,  # it is written above
        response_class=StreamingResponse if octets else JSONResponse,
        operation_id=operation.name,
        summary=operation.summary,
        description=f"{operation.summary}. {role}",
        tags=[operation.name.partition(".")[0]],
        responses=answers_of(operation),
    )


def _parameters(operation: Operation[Any, Any]) -> list[inspect.Parameter]:
    """What FastAPI shall read from a request, as the parameters of a function."""
    fields = operation.request.model_fields
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("http", kind, annotation=Request)]
    for name in operation.path_fields:
        annotation: Any = fields[name].annotation
        for bound in fields[name].metadata:
            annotation = Annotated[annotation, bound]
        parameters.append(inspect.Parameter(name, kind, annotation=annotation))
    marker: Any = Query() if operation.in_query else Body()
    rest: type[BaseModel] = operation.request
    if operation.path_fields:
        others: dict[str, Any] = {n: (f.annotation, f) for n, f in fields.items() if n not in operation.path_fields}
        rest = create_model(f"{operation.request.__name__}Rest", __config__=operation.request.model_config, **others)
    optional = inspect.Parameter.empty if operation.in_query or rest.model_fields else rest()
    parameters.append(inspect.Parameter("rest", kind, annotation=Annotated[rest, marker], default=optional))
    return parameters


def _request(operation: Operation[Any, Any], values: dict[str, Any]) -> BaseModel:
    rest: BaseModel = values.pop("rest")
    if not values:
        return rest
    given = {name: getattr(rest, name) for name in type(rest).model_fields}
    request: BaseModel = operation.request.model_construct(**values, **given)  # both parts are validated already
    return request


def _call(environment: Environment, operation: Operation[Any, Any], http: Request) -> Call:
    """Who asks; `NotLoggedIn` or `NotAllowed` when they may not."""
    address, local = origin_of(http)
    automatic = AUTOMATIC_HEADER in http.headers
    scheme, _, token = http.headers.get("authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    if operation.realm == "project":
        if not token.startswith(PROJECT_PREFIX):
            raise NotLoggedIn("This needs a log-in to a project.", "Log in to the project first.")
        leaving = operation.name == project.CLOSE.name
        actor = authenticate_project(environment, token, address, local, automatic, leaving=leaving)
    elif operation.role is None:
        actor = nobody(address, local)
    elif not token:
        raise NotLoggedIn("You are not logged in.", "Log in first.")
    else:
        actor = authenticate(environment, token, address, local, automatic)
        if not actor.role.covers(operation.role):
            environment.log.write(
                Severity.unusual_activity,
                SOURCE,
                f"{actor.username} ({actor.role}) was refused {operation.name}.",
                username=actor.username,
                client_address=actor.where,
            )
            raise NotAllowed(
                f"Your role {actor.role} does not allow this: {operation.summary}.",
                f"It needs the role {operation.role}.",
            )
        if operation.session_only and actor.token_name is not None:
            raise NotAllowed(f"An API token does not allow this: {operation.summary}.", "Log in with a password.")
    return Call(environment, actor, environment.clock(), automatic)


def _add_error_handlers(app: FastAPI, environment: Environment) -> None:
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, TrackkitError)  # noqa: S101 - for the type checker; the registration below says so
        return _answer(error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        problems = [Problem(_field(e["loc"]), e["msg"][:1].lower() + e["msg"][1:]) for e in error.errors()]
        return _answer(InvalidInput("The request was refused; nothing was changed.", problems=problems))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if error.status_code == 404:
            return _answer(
                NotFound(f"There is nothing at {request.url.path}.", "The operations are described at /docs.")
            )
        unknown = InvalidInput(f"{request.method} {request.url.path} was refused: {error.detail}.")
        return _answer(unknown, error.status_code)

    async def unforeseen(request: Request, error: Exception) -> Response:
        return _answer(logged_fault(environment, request, error))

    handlers: tuple[tuple[type[Exception], Callable[[Request, Exception], Awaitable[Response]]], ...] = (
        (TrackkitError, known),
        (RequestValidationError, invalid),
        (HTTPException, http_error),
        (Exception, unforeseen),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _answer(error: TrackkitError, status: int | None = None) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, errors.NotLoggedIn):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 §11.6.1
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after)  # RFC 6585 §4
    return JSONResponse(WireError.of(error).model_dump(), status or status_of(error), headers=headers)


def _field(location: tuple[int | str, ...]) -> str:
    """The refused field as the caller wrote it; FastAPI puts where it came from in front."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])

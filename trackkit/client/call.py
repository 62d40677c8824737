"""One call for every operation: build the request, send it, and give back the typed answer or the typed error.

Fails with the error the server raised, as the class it was there; with `ConnectionFailed` when the request did not
get through (then it is unknown whether a change was made); with `InvalidInput` when the request is refused before it
is sent. Secrets are revealed only for the wire, in `_revealed`, and never show in a repr.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError
from pydantic_core import to_json, to_jsonable_python

from trackkit.client import diagnose
from trackkit.client.endpoint import Endpoint
from trackkit.contract.operation import PREFIX, Octets, Operation, RequestT, ResponseT
from trackkit.contract.wire import AUTOMATIC_HEADER, WireError
from trackkit.domain.errors import (
    InvalidInput,
    NotATrackkitServer,
    NotLoggedIn,
    Problem,
    TrackkitError,
    VersionMismatch,
)

READ_TIMEOUT = 120.0
"""Seconds the server may think about a request."""

LIMITS = httpx.Limits(keepalive_expiry=4.0)
"""Idle connections are kept for less time than servers do, so that a request never meets one just being closed."""

_automatic: ContextVar[bool] = ContextVar("trackkit_automatic", default=False)


@contextmanager
def automatic() -> Iterator[None]:
    """Requests made inside (by this thread) are an automatic refresh: they do not keep the session alive."""
    mark = _automatic.set(True)
    try:
        yield
    finally:
        _automatic.reset(mark)


class Caller:
    """An HTTP connection to one server, and the token it acts with. Safe to use from several threads."""

    def __init__(self, endpoint: Endpoint, transport: httpx.BaseTransport, fingerprint: str = "") -> None:
        self.endpoint: Final = endpoint
        self.fingerprint: Final = fingerprint
        self.token: SecretStr | None = None
        self._met = False
        self._http = httpx.Client(base_url=endpoint.url, transport=transport, trust_env=False)

    def beside(self) -> Caller:
        """A caller over the same connections that acts with a token of its own; none at first."""
        other = copy(self)
        other.token = None
        return other

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, operation: Operation[Any, ResponseT], /, **fields: object) -> ResponseT:
        """Call `operation` with a request made of `fields`; `InvalidInput` names each refused one."""
        return self.call(operation, _request(operation, fields))

    def call(self, operation: Operation[RequestT, ResponseT], request: RequestT) -> ResponseT:
        """Send `request` and return the answer, or raise what the server raised."""
        with self._sent(operation, request) as answer:
            answer.read()
        return self._read(operation, answer)

    def pieces(self, operation: Operation[Any, Octets], /, **fields: object) -> Iterator[bytes]:
        """Call `operation` and give its octets as they come.

        Refused fields are told at once, everything else when the first piece is asked for; an answer that breaks off
        ends in `ConnectionFailed`, not as if it were whole.
        """
        request = _request(operation, fields)

        def received() -> Iterator[bytes]:
            with self._sent(operation, request) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._error(answer)
                yield from answer.iter_bytes()

        return received()

    @contextmanager
    def _sent(self, operation: Operation[RequestT, Any], request: RequestT) -> Iterator[httpx.Response]:
        """The answer, of which only the head is read.

        Who has never answered yet may be no trackkit server at all, and is given less time.
        """
        fields = _revealed(request.model_dump())
        path = _path(operation, fields)
        rest = {name: value for name, value in fields.items() if value is not None}
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
        if _automatic.get():
            headers[AUTOMATIC_HEADER] = "1"
        body: dict[str, Any] = {}
        if operation.in_query:
            body["params"] = to_jsonable_python(rest)
        else:
            headers["Content-Type"] = "application/json"
            body["content"] = to_json(rest)
        if self._http.is_closed:
            raise NotLoggedIn(f"The connection to {self.endpoint.place} was closed.", "Connect again.")
        patience = READ_TIMEOUT if self._met else diagnose.CONNECT_TIMEOUT
        timeout = httpx.Timeout(patience, connect=diagnose.CONNECT_TIMEOUT)
        try:
            with self._http.stream(operation.method, path, headers=headers, timeout=timeout, **body) as answer:
                yield answer
        except httpx.TransportError as error:
            raise diagnose.broken(self.endpoint, error, patience, self.fingerprint) from error

    def _read(self, operation: Operation[RequestT, ResponseT], answer: httpx.Response) -> ResponseT:
        if not answer.is_success:
            raise self._error(answer)
        try:
            understood = operation.response.model_validate_json(answer.content)
        except ValidationError as error:
            if not self._met and b'"trackkit"' not in answer.content:
                raise self._stranger(answer) from None
            raise VersionMismatch(
                f"The answer of {self.endpoint.place} to {operation.name} cannot be understood.",
                "The server's version may not fit this client's: compare `trackkit --version` on both.",
                problems=_problems(error),
            ) from None
        self._met = True
        return understood

    def _error(self, answer: httpx.Response) -> TrackkitError:
        try:
            return WireError.model_validate_json(answer.content).error()
        except ValidationError:
            return self._stranger(answer)

    def _stranger(self, answer: httpx.Response) -> NotATrackkitServer:
        return NotATrackkitServer(
            f"{self.endpoint.place} answered with HTTP status {answer.status_code} and nothing of trackkit's.",
            "Does another web server listen there, or is a proxy in between?",
        )


def _request(operation: Operation[RequestT, Any], fields: Mapping[str, object]) -> RequestT:
    try:
        return operation.request.model_validate(fields)
    except ValidationError as error:
        raise _refused(operation.name, error) from None


def _revealed(value: Any) -> Any:
    """A dumped request with its secrets as they travel. Only for the wire."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(item) for item in value]
    return value


def _path(operation: Operation[Any, Any], fields: dict[str, Any]) -> str:
    """The path with its fields filled in and taken out of `fields`.

    Each is one segment whatever it holds (RFC 3986 §3.3): ``/`` is encoded, and so are the dots of ``.`` and ``..``,
    which would lead elsewhere.
    """
    path = operation.path
    for name in operation.path_fields:
        value = str(fields.pop(name))
        if not value:
            raise InvalidInput.of(name, "is empty")
        segment = quote(value, safe="") if value.strip(".") else value.replace(".", "%2E")
        path = path.replace(f"{{{name}}}", segment)
    return PREFIX + path


def _refused(operation: str, error: ValidationError) -> InvalidInput:
    return InvalidInput(f"{operation} was refused; nothing was changed.", problems=_problems(error))


def _problems(error: ValidationError) -> list[Problem]:
    """Field and reason of each refused value, without the value: it may be a secret."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        Problem(".".join(str(part) for part in entry["loc"]), entry["msg"][:1].lower() + entry["msg"][1:])
        for entry in found
    ]

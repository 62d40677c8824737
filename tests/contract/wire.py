"""Asking a server over plain HTTP, past the client and its checks: what any stranger could send."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tests.running import RunningServer
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX
from trackkit.contract.wire import WireError


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    error: WireError | None

    @property
    def code(self) -> str:
        """The error's code; empty when it succeeded."""
        return self.error.code if self.error else ""

    @property
    def fields(self) -> set[str]:
        """The refused fields."""
        return {problem.field for problem in self.error.problems} if self.error else set()


@dataclass(frozen=True)
class Stranger:
    """An HTTP connection to a server."""

    http: httpx.Client

    def ask(self, name: str, fields: dict[str, Any], token: str | None = None) -> Answer:
        """Ask for the operation of that name with exactly these fields, whatever they are."""
        operation, rest = OPERATIONS[name], dict(fields)
        path = operation.path
        for field in operation.path_fields:
            path = path.replace(f"{{{field}}}", quote(str(rest.pop(field)), safe=""))
        sent: dict[str, Any] = {"params": rest} if operation.in_query else {"json": rest}
        return self.send(operation.method, PREFIX + path, token, **sent)

    def send(self, method: str, path: str, token: str | None = None, **sent: Any) -> Answer:
        """One request; an answer that is an error has to be a `WireError`."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        response = self.http.request(method, path, headers={**headers, **sent.pop("headers", {})}, **sent)
        if response.is_success:
            written = response.headers["Content-Type"].startswith("application/json")
            return Answer(response.status_code, response.json() if written else response.content, None)
        return Answer(response.status_code, None, WireError.model_validate_json(response.content))


def stranger(server: RunningServer) -> Stranger:
    """Reach a server without believing or checking anything."""
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    return Stranger(httpx.Client(base_url=server.url, verify=anything, timeout=60, trust_env=False))

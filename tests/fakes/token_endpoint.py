"""A provider of access tokens on this machine: gives what is asked for rightly, and misbehaves on command.

with TokenEndpoint(refresh_token="r-1") as provider:
    ... provider.url, provider.asked, provider.tokens ...
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Form = dict[str, str]
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def says(status: int, **fields: Any) -> Answer:
    """JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(fields).encode()


@dataclass
class TokenEndpoint:
    """The provider; a context manager.

    Parameters
    ----------
    user: whose tokens they are.
    token: how access tokens begin; each has a number behind.
    rotates: each request brings another refresh token, and the old one is of no use any more.
    answer: what to do instead of the right thing, by what was asked; none = the right thing.
    """

    client_id: str = "trackkit"
    client_secret: str = ""
    refresh_token: str = "refresh-1"
    user: str = ""
    token: str = "access-"
    lives: object = 3600
    rotates: bool = False
    answer: Callable[[Form], Answer | None] = lambda form: None
    tls: ssl.SSLContext | None = None
    asked: list[Form] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    """Every access token that was given out and not withdrawn since; a mail host's `tokens`."""

    def __enter__(self) -> Self:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                status, headers, content = endpoint.answered(form)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                """For mail hosts: whose token is that?"""
                token = parse_qs(urlsplit(self.path).query).get("access_token", [""])[0]
                good = token in endpoint.tokens
                status, headers, content = says(200, email=endpoint.user) if good else says(401, error="invalid_token")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/token"
        self._stopped = threading.Event()
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def hang(self, form: Form) -> Answer:
        """An `answer` that never comes."""
        self._stopped.wait(60)
        return says(500)

    def answered(self, form: Form) -> Answer:
        """The answer to a request."""
        self.asked.append(form)
        return self.answer(form) or self._right(form)

    def _right(self, form: Form) -> Answer:
        time.sleep(0.02)  # so that who asks at the same time would be seen
        if form.get("client_id") != self.client_id or form.get("client_secret", "") != self.client_secret:
            return says(401, error="invalid_client", error_description="unknown client")
        fields: dict[str, object] = {"token_type": "Bearer", "expires_in": self.lives}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != self.refresh_token:
                return says(400, error="invalid_grant", error_description="expired or revoked")
            if self.rotates:
                self.refresh_token += "x"
                fields["refresh_token"] = self.refresh_token
        elif form.get("grant_type") != "client_credentials" or not self.client_secret:
            return says(400, error="unsupported_grant_type")
        token = f"{self.token}{len(self.asked)}"
        self.tokens.add(token)
        return says(200, access_token=token, **fields)

"""What the API's own description allows, and what it does not, sent to a real server: never an answer 500.

Schemathesis makes the requests from ``/openapi.json``. Every answer that is an error has to be a `WireError`.
``TRACKKIT_EXAMPLES=200`` sends more of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.conftest import Start
from tests.contract.wire import Stranger, stranger
from tests.running import RunningServer
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX
from trackkit.contract.wire import WireError

PASSWORD = "correct horse battery"
EXAMPLES = int(os.environ.get("TRACKKIT_EXAMPLES", "6"))

LEFT_OUT = {
    "session.close": "ends the session that everything else is asked with",
    "project.close": "ends the session that everything else is asked with",
    "user.password": "ends the sessions of the user, this one too",
    "project.password": "ends the sessions of the user",
}


@dataclass(frozen=True)
class Api:
    """A server, and the tokens of one who may everything: on the server, and in a project."""

    server: RunningServer
    http: Stranger
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def api(start_for_module: Start) -> Api:
    server = start_for_module(options={"sending.paused": True})
    server.admin.users.add("ann", "admin", PASSWORD)
    name = server.admin.databases.create("project", administrator_password=PASSWORD).name
    http = stranger(server)
    who = {"username": "ann", "password": PASSWORD}
    inside = {"database": name, "username": "administrator", "password": PASSWORD}
    tokens = {
        "server": str(http.ask("session.open", who).body["token"]),
        "project": str(http.ask("project.open", inside).body["token"]),
    }
    return Api(server, http, tokens)


@pytest.fixture(scope="module")
def described(api: Api) -> schemathesis.BaseSchema:
    """What the server says about itself."""
    return schemathesis.openapi.from_dict(api.http.http.get("/openapi.json").json())


@pytest.fixture(scope="module")
def connection() -> Iterator[requests.Session]:
    """One connection for all requests."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in LEFT_OUT])
def test_no_request_makes_the_server_fail(
    api: Api, described: schemathesis.BaseSchema, connection: requests.Session, name: str, mode: GenerationMode
) -> None:
    operation = OPERATIONS[name]
    described_operation = described[PREFIX + operation.path][operation.method]
    certificate = str(api.server.data / "tls-cert.pem")
    headers = {"Authorization": f"Bearer {api.tokens[operation.realm]}"}

    @given(described_operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def asked(case: schemathesis.Case) -> None:
        answer = case.call(base_url=api.server.url, headers=headers, session=connection, verify=certificate)
        assert answer.status_code != 500, answer.content
        if answer.status_code >= 400:
            WireError.model_validate_json(answer.content)

    try:
        asked()
    except Unsatisfiable:  # a request without fields cannot be wrong
        assert mode is GenerationMode.NEGATIVE


def test_every_operation_is_described(api: Api) -> None:
    paths = api.http.http.get("/openapi.json").json()["paths"]
    described = {entry["operationId"] for methods in paths.values() for entry in methods.values()}
    assert described == set(OPERATIONS)
    assert all(path.startswith(PREFIX) for path in paths)

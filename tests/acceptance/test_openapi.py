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
from schemathesis import GenerationMode

from tests.acceptance.conftest import PASSWORD, House
from tests.contract.wire import Stranger, stranger
from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX
from trackkit.contract.wire import WireError

EXAMPLES = int(os.environ.get("TRACKKIT_EXAMPLES", "4"))

LEFT_OUT = {
    "session.close": "ends the session that everything else is asked with",
    "project.close": "ends the session that everything else is asked with",
    "user.password": "ends the sessions of the user, this one too",
    "project.password": "ends the sessions of the user",
}


@dataclass(frozen=True)
class Api:
    """A server's description, a connection to it, and the tokens of who may everything there and in a project."""

    described: schemathesis.BaseSchema
    session: requests.Session
    tokens: dict[str, str]
    house: House

    def ask(self, case: schemathesis.Case, realm: str) -> requests.Response:
        """Send one request."""
        headers = {"Authorization": f"Bearer {self.tokens[realm]}"}
        certificate = str(self.house.server.data / "tls-cert.pem")
        return case.call(base_url=self.house.server.url, headers=headers, session=self.session, verify=certificate)


@pytest.fixture(scope="module")
def http(house: House) -> Stranger:
    return stranger(house.server)


@pytest.fixture(scope="module")
def api(house: House, http: Stranger) -> Iterator[Api]:
    house.admin.options.set({"sending.paused": True})
    house.admin.users.add("ann", "admin", PASSWORD)
    who = {"username": "ann", "password": PASSWORD}
    inside = {"database": house.make("described"), "username": "administrator", "password": PASSWORD}
    tokens = {
        "server": str(http.ask("session.open", who).body["token"]),
        "project": str(http.ask("project.open", inside).body["token"]),
    }
    described = schemathesis.openapi.from_dict(http.http.get("/openapi.json").json())
    with requests.Session() as session:
        session.trust_env = False
        yield Api(described, session, tokens, house)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in LEFT_OUT])
def test_no_request_makes_the_server_fail(api: Api, name: str) -> None:
    operation = OPERATIONS[name]
    described = api.described[PREFIX + operation.path][operation.method]
    good, bad = (described.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @given(good | bad)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def asked(case: schemathesis.Case) -> None:
        answer = api.ask(case, operation.realm)
        assert answer.status_code != 500, answer.content + _logged(api)
        if answer.status_code >= 400:
            WireError.model_validate_json(answer.content)

    asked()


def _logged(api: Api) -> bytes:
    """What the server log says about its newest defect."""
    (entry,) = api.house.admin.log.list(text="Defect", limit=1).entries
    return f"\n{entry.message}\n{entry.details[-1500:]}".encode()


def test_every_operation_is_described(http: Stranger) -> None:
    paths = http.http.get("/openapi.json").json()["paths"]
    described = {entry["operationId"] for methods in paths.values() for entry in methods.values()}
    assert described == set(OPERATIONS)
    assert all(path.startswith(PREFIX) for path in paths)

"""A fake API over HTTPS, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import trackkit
from tests.unit import client_peers as peers
from trackkit.client import Server


@pytest.fixture(scope="session")
def certificate() -> Any:
    """The fake API's."""
    return peers.Authority().certificate()


@pytest.fixture
def api(certificate: Any) -> Iterator[peers.ApiServer]:
    """The fake API."""
    with peers.serving(certificate) as api:
        yield api


@pytest.fixture
def server(api: peers.ApiServer) -> Iterator[Server]:
    """Logged in to it over the network."""
    with trackkit.connect(api.url, username="ada", password="pw-of-ada", fingerprint=api.fingerprint) as server:
        yield server

"""The keys that sign tracking cookies: made when first needed, sealed in the main database, rotated by an
administrator.

A former key is taken until so many rotations have passed that its id is needed again. `Unavailable` when they do not
open: secret.key is another one.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Final

from pydantic import SecretStr

from trackkit.contract import tracking as contract
from trackkit.contract.operation import Nothing
from trackkit.domain.log import Severity
from trackkit.domain.tracking.cookie import Keys
from trackkit.services.environment import Call, Environment
from trackkit.services.sealing import Sealer
from trackkit.store import records
from trackkit.store.database import Connection

SOURCE: Final = "tracking"
_FACT: Final = "tracking_keys"
_LENGTH: Final = 32
"""Octets."""


def current(environment: Environment) -> Keys:
    """The keys of this server."""
    stored = environment.store.read(lambda connection: records.get_fact(connection, _FACT))
    if stored is not None:
        return _opened(environment.sealer, stored)
    return environment.store.write(lambda connection: _present(connection, environment.sealer))


def rotate_key(call: Call, request: Nothing) -> contract.RotatedKey:
    """Sign with a new key from now on."""
    sealer = call.environment.sealer

    def work(connection: Connection) -> Keys:
        keys = _present(connection, sealer).rotated(secrets.token_bytes(_LENGTH))
        _save(connection, sealer, keys)
        number, taken = str(keys.current), str(len(keys.secrets))
        call.audit(connection, contract.ROTATE_KEY.name, "tracking key", after={"key": number, "taken": taken})
        return keys

    keys = call.environment.store.write(work)
    call.log(Severity.information, SOURCE, f"Tracking cookies are signed with key {keys.current} from now on.")
    return contract.RotatedKey(key_id=keys.current, keys=len(keys.secrets))


def _present(connection: Connection, sealer: Sealer) -> Keys:
    """The keys as they are in a write transaction, made if there are none."""
    records.lock_facts(connection)
    stored = records.get_fact(connection, _FACT)
    if stored is not None:
        return _opened(sealer, stored)
    keys = Keys(0, {0: secrets.token_bytes(_LENGTH)})
    _save(connection, sealer, keys)
    return keys


def _save(connection: Connection, sealer: Sealer, keys: Keys) -> None:
    written = {str(number): base64.b64encode(key).decode() for number, key in keys.secrets.items()}
    text = json.dumps({"current": keys.current, "keys": written})
    records.set_fact(connection, _FACT, sealer.seal(_FACT, SecretStr(text)).decode())


def _opened(sealer: Sealer, stored: str) -> Keys:
    found = json.loads(sealer.open(_FACT, stored.encode()).get_secret_value())
    return Keys(found["current"], {int(number): base64.b64decode(key) for number, key in found["keys"].items()})

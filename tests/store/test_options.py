"""Options as stored: whole, sealed, versioned; on both databases."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from tests.store.conftest import AsUser
from trackkit.contract.audit import ListAudit
from trackkit.contract.operation import Nothing
from trackkit.contract.options import OptionsState, SetOptions
from trackkit.domain.errors import Conflict, InvalidInput, Unavailable
from trackkit.domain.options import catalogue, secrets
from trackkit.services import audit, log, options
from trackkit.services.environment import Environment
from trackkit.services.option_cache import OptionCache
from trackkit.services.sealing import Sealer

CANARY = "canary-4711-secret"


def _set(admin: AsUser, values: dict[str, object], revisions: dict[str, int] | None = None) -> OptionsState:
    return options.set_options(admin(), SetOptions(values=values, revisions=revisions or {}))


def test_values_survive_and_defaults_come_back(environment: Environment, admin: AsUser) -> None:
    key = (environment.data / "secret.key").read_bytes()
    _set(admin, {"sending.smtp.host": " mail.example.org ", "sending.smtp.port": 587})
    again = OptionCache(environment.store, Sealer(key)).current.sending.smtp
    assert (again.host, again.port) == ("mail.example.org", 587)
    state = _set(admin, {"sending.smtp.host": None, "sending.smtp.port": 25})
    assert not any(option.is_set for option in state.options)


def test_all_or_none(environment: Environment, admin: AsUser) -> None:
    with pytest.raises(InvalidInput) as refused:
        _set(admin, {"sending.smtp.host": "mail.example.org", "sending.smtp.port": 0, "sending.timing.days": 61})
    assert {p.field for p in refused.value.problems} == {"sending.smtp.port", "sending.timing.days"}
    with pytest.raises(InvalidInput, match="not the name"):
        _set(admin, {"sending.smtp.host": "mail.example.org", "sending.smtp.prot": 1})
    assert options.get_options(admin(), Nothing()).value("sending.smtp.host") is None
    assert audit.list_audit(admin(), ListAudit()).records == ()


@pytest.mark.spec("7: two administrators changing the same group: the second is told, nothing is silently overwritten")
def test_the_second_of_two_administrators_is_told(admin: AsUser) -> None:
    seen = options.get_options(admin(), Nothing()).revisions
    _set(admin, {"sending.paused": True}, {"sending": seen["sending"]})
    with pytest.raises(Conflict, match="changed by admin"):
        _set(admin, {"sending.smtp.port": 26}, {"sending": seen["sending"]})
    _set(admin, {"log.startup_log": True}, {"log": seen["log"]})
    state = options.get_options(admin(), Nothing())
    assert (state.value("sending.smtp.port"), state.revisions["sending"]) == (25, seen["sending"] + 1)


@pytest.mark.spec("7: secrets are write-only and stored encrypted")
def test_secrets_are_sealed_and_never_come_back(environment: Environment, admin: AsUser) -> None:
    secret = [info.name for info in catalogue().values() if info.secret]
    _set(admin, {"sending.smtp.username": "u", "sending.smtp.authentication": "basic", **dict.fromkeys(secret, CANARY)})
    state = options.get_options(admin(), Nothing())
    assert CANARY not in state.model_dump_json()
    shown = {o.name: (o.value, o.is_set) for o in state.options}
    assert {shown[name] for name in secret} == {(None, True)}
    assert CANARY not in audit.list_audit(admin(), ListAudit()).model_dump_json()
    assert CANARY not in log.list_log(admin(), log.contract.ListLog()).model_dump_json()
    environment.log.flush()
    for file in environment.data.iterdir():
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file.name
    assert set(secrets(environment.options.current)) == {CANARY}
    assert len(secrets(environment.options.current)) == len(secret)
    assert CANARY not in repr(environment.options.current)


def test_a_wrong_key_is_told(environment: Environment, admin: AsUser) -> None:
    _set(admin, {"sending.smtp.password": CANARY})
    with pytest.raises(Unavailable, match=r"secret\.key does not fit"):
        OptionCache(environment.store, Sealer(Fernet.generate_key()))


def test_the_audit_keeps_before_and_after(admin: AsUser) -> None:
    _set(admin, {"sending.smtp.port": 587, "sending.smtp.password": CANARY})
    _set(admin, {"sending.smtp.port": 587})
    [record] = audit.list_audit(admin(), ListAudit()).records
    assert record.before == {"sending.smtp.password": "none", "sending.smtp.port": "25"}
    assert record.after == {"sending.smtp.password": "changed", "sending.smtp.port": "587"}


def test_a_restart_is_asked_for_where_one_is_needed(admin: AsUser) -> None:
    state = _set(admin, {"server.port": 9000, "sending.smtp.port": 587})
    assert {o.name for o in state.options if o.restart_needed} == {"server.port"}
    state = _set(admin, {"server.port": 8470})
    assert not any(o.restart_needed for o in state.options)


def test_encryption_stays_on_where_others_can_reach_the_server(environment: Environment, admin: AsUser) -> None:
    from dataclasses import replace

    reachable = AsUser(replace(environment, plain_allowed=False), admin.clock, admin.actor)
    with pytest.raises(InvalidInput, match="cannot be switched off"):
        _set(reachable, {"server.encrypt": False})
    assert _set(admin, {"server.encrypt": False}).value("server.encrypt") is False

"""A new refresh token that the provider gave: kept once, sealed, told; never over what somebody has entered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr

from tests.store.conftest import AsUser
from trackkit.contract.audit import ListAudit
from trackkit.contract.operation import Nothing
from trackkit.contract.options import OptionHistory
from trackkit.domain.errors import Unavailable
from trackkit.services import audit, option_history, options
from trackkit.services.environment import Environment
from trackkit.services.token_account import TokenAccount

NAME = "sending.oauth2.refresh_token"


@pytest.fixture
def account(environment: Environment, admin: AsUser) -> TokenAccount:
    admin.set({NAME: "first-token", "sending.oauth2.scope": "s"})
    return TokenAccount(environment)


def test_it_is_kept_with_audit_and_history_in_the_servers_name(
    environment: Environment, admin: AsUser, account: TokenAccount
) -> None:
    seen = options.get_options(admin(), Nothing()).revisions
    account.keep(account.options(), SecretStr("second-token"))
    assert account.options().refresh_token == SecretStr("second-token")
    assert account.options().scope == "s"
    record = audit.list_audit(admin(), ListAudit()).records[0]
    assert (record.username, record.operation, record.subject) == ("trackkit", "options.set", NAME)
    change = option_history.list_changes(admin(), OptionHistory()).sets[0]
    assert (change.username, [c.name for c in change.changes]) == ("trackkit", [NAME])
    assert "token" not in record.model_dump_json().replace("refresh_token", "")
    assert "second" not in change.model_dump_json()
    # A form that is open is not disturbed: its revision still holds.
    assert options.get_options(admin(), Nothing()).revisions == seen


def test_what_somebody_has_entered_meanwhile_stays(admin: AsUser, account: TokenAccount) -> None:
    used = account.options()
    admin.set({NAME: "from-a-person"})
    account.keep(used, SecretStr("second-token"))
    assert account.options().refresh_token == SecretStr("from-a-person")
    assert audit.list_audit(admin(), ListAudit()).records[0].username == "admin"


def test_another_process_sees_it(environment: Environment, account: TokenAccount) -> None:
    from trackkit.services.option_cache import OptionCache

    other = TokenAccount(
        replace(environment, options=OptionCache(environment.store, environment.sealer)),
    )
    account.keep(account.options(), SecretStr("second-token"))
    assert other.options().refresh_token == SecretStr("second-token")


def test_what_was_read_last_serves_while_the_store_is_away(
    environment: Environment, account: TokenAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(work: object) -> None:
        raise Unavailable("the database is away")

    monkeypatch.setattr(environment.store, "read", away)
    assert account.options().refresh_token == SecretStr("first-token")

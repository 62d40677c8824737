"""Which use case answers which operation. A server refuses to start while one has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trackkit.contract import audit as audit_contract
from trackkit.contract import log as log_contract
from trackkit.contract import mail as mail_contract
from trackkit.contract import options as options_contract
from trackkit.contract import server as server_contract
from trackkit.contract import users as users_contract
from trackkit.contract.operation import Operation, RequestT, ResponseT
from trackkit.services import accounts, audit, authentication, health, log, mail, mail_ages, mail_listing, options
from trackkit.services.environment import Call


@dataclass(frozen=True, slots=True)
class Binding:
    """An operation with the use case that answers it."""

    operation: Operation[Any, Any]
    handler: Callable[[Call, Any], Any]


def _bind(operation: Operation[RequestT, ResponseT], handler: Callable[[Call, RequestT], ResponseT]) -> Binding:
    return Binding(operation, handler)


_ALL = (
    _bind(server_contract.INFO, health.info),
    _bind(server_contract.HEALTH, health.health),
    _bind(server_contract.LOGIN, authentication.open_session),
    _bind(server_contract.CURRENT, authentication.current_session),
    _bind(server_contract.LOGOUT, authentication.close_session),
    _bind(server_contract.SETUP_CODE, authentication.issue_setup_code),
    _bind(server_contract.SETUP, authentication.complete_setup),
    _bind(users_contract.LIST, accounts.list_users),
    _bind(users_contract.ADD, accounts.add_user),
    _bind(users_contract.EDIT, accounts.edit_user),
    _bind(users_contract.DELETE, accounts.delete_user),
    _bind(users_contract.PASSWORD, accounts.change_password),
    _bind(users_contract.TOKENS, accounts.list_tokens),
    _bind(users_contract.ADD_TOKEN, accounts.add_token),
    _bind(users_contract.DELETE_TOKEN, accounts.delete_token),
    _bind(options_contract.GET, options.get_options),
    _bind(options_contract.SET, options.set_options),
    _bind(mail_contract.SUBMIT, mail.submit),
    _bind(mail_contract.LIST, mail_listing.list_queue),
    _bind(mail_contract.IDS, mail_listing.list_ids),
    _bind(mail_contract.SUMMARY, mail_listing.summarise),
    _bind(mail_contract.AGES, mail_ages.count_ages),
    _bind(mail_contract.SENT, mail.list_sent),
    _bind(mail_contract.SHOW, mail.show),
    _bind(mail_contract.RAW, mail.raw),
    _bind(mail_contract.REATTEMPT, mail.reattempt),
    _bind(mail_contract.HOLD, mail.hold),
    _bind(mail_contract.RELEASE, mail.release),
    _bind(mail_contract.DELETE, mail.delete),
    _bind(mail_contract.UNDELETE, mail.undelete),
    _bind(log_contract.LIST, log.list_log),
    _bind(log_contract.HISTOGRAM, log.count_log),
    _bind(log_contract.DELETE, log.delete_log),
    _bind(audit_contract.LIST, audit.list_audit),
)

BINDINGS: Mapping[str, Binding] = MappingProxyType({binding.operation.name: binding for binding in _ALL})

"""The e-mail settings of projects: reading and changing them, and which mailbox a project's mail comes back to.

One transaction with the audit record; `Conflict` when somebody else was faster. The password of a project's own mailbox
is stored sealed, bound to the project's identity, and leaves this module only inside `MailSettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import SecretStr

from trackkit.contract import tracking as contract
from trackkit.domain.declared import checked, fields_of, flat_values
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.log import Severity
from trackkit.domain.tracking_options import Mailbox, MailSettings, TrackingOptions, mailbox_of, project_mailbox
from trackkit.services.environment import Call, Environment
from trackkit.services.sealing import Sealer
from trackkit.store import databases
from trackkit.store import project_mail_settings as stored
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.project_mail_settings import StoredMailSettings

SOURCE: Final = "tracking"
_PASSWORD: Final = "mailbox.password"
_REFUSED: Final = "The settings were refused; nothing was changed."


def settings_of(environment: Environment, row: DatabaseRow) -> MailSettings:
    """The e-mail settings of a database of the list."""
    found = environment.store.read(lambda connection: stored.find(connection, row.id))
    return _opened(environment.sealer, row, found)


def mailbox_of_project(environment: Environment, row: DatabaseRow) -> Mailbox | None:
    """The account that the mail of a project comes back to: its own, or the server's.

    None while tracking is off, for the server or for the project.
    """
    return project_mailbox(environment.options.current.tracking, settings_of(environment, row))


def tracked_projects(environment: Environment) -> list[tuple[DatabaseRow, MailSettings, Mailbox]]:
    """The projects whose mail is tracked, each with the account that it comes back to."""
    options = environment.options.current.tracking
    if not options.enabled:
        return []

    def work(connection: Connection) -> list[tuple[DatabaseRow, StoredMailSettings]]:
        return [(row, stored.find(connection, row.id)) for row in databases.all_databases(connection)]

    found = []
    for row, known in environment.store.read(work):
        settings = _opened(environment.sealer, row, known)
        mailbox = project_mailbox(options, settings)
        if mailbox is not None:
            found.append((row, settings, mailbox))
    return found


def own_addresses(environment: Environment) -> Callable[[str], bool]:
    """Whether an address is one that tracked mail comes back to, the server's or a project's; read when first asked."""

    @cache
    def mailboxes() -> list[Mailbox]:
        options = environment.options.current.tracking
        servers = mailbox_of(options) if options.enabled else None
        return [*(mailbox for _, _, mailbox in tracked_projects(environment)), *([servers] if servers else [])]

    return lambda address: any(mailbox.is_own(address) for mailbox in mailboxes())


def settings(call: Call, request: contract.NamedProject) -> contract.ProjectMailSettings:
    """The settings of a project, and what it inherits."""
    environment = call.environment
    row = environment.projects.row(request.database)
    found = environment.store.read(lambda connection: stored.find(connection, row.id))
    return _view(environment, row, _opened(environment.sealer, row, found), found.revision)


def change_settings(call: Call, request: contract.SetProjectMail) -> contract.ProjectMailSettings:
    """Change settings of a project, all or none."""
    environment, key = call.environment, call.environment.projects.row(request.database).name_key

    def work(connection: Connection) -> tuple[DatabaseRow, MailSettings, int, tuple[str, ...]]:
        row = databases.find_database(connection, key, lock=True)
        if row is None:
            raise Conflict(f"{request.database} was taken out of the list meanwhile; nothing was changed.")
        known = stored.find(connection, row.id)
        if request.revision not in (None, known.revision):
            raise Conflict(
                f"The e-mail settings of {row.name} were changed by somebody else meanwhile; nothing of yours was "
                "changed.",
                "Look at the present settings, then change them again.",
            )
        old = _opened(environment.sealer, row, known)
        new = checked(MailSettings, {**flat_values(old), **request.values}, _REFUSED)
        _refuse_own_address(environment.options.load(connection).tracking, new)
        before, after = flat_values(old), flat_values(new)
        changed = tuple(name for name in after if before[name] != after[name])
        if not changed:
            return row, new, known.revision, ()
        stored.save(connection, row.id, _sealed(environment.sealer, row, new, known.revision + 1))
        texts = ({name: _shown(name, values[name], old) for name in changed} for values in (before, after))
        call.audit(connection, contract.SET.name, row.name, *texts)
        return row, new, known.revision + 1, changed

    row, new, revision, changed = environment.store.write(work)
    if changed:
        words = f"The e-mail settings of {row.name} were changed: {', '.join(changed)}."
        call.log(Severity.information, SOURCE, words, database=row.name)
    return _view(environment, row, new, revision)


def _refuse_own_address(options: TrackingOptions, new: MailSettings) -> None:
    """`InvalidInput` when notifications would come from the tracking address: they would go in circles."""
    mailbox = mailbox_of(options, new.mailbox)
    if mailbox is not None and mailbox.is_own(new.notification_address):
        raise InvalidInput.of(
            "notification_address",
            "is the tracking address: replies to notifications would be fetched and forwarded for ever",
            "Give an address that people read.",
        )


def _opened(sealer: Sealer, row: DatabaseRow, found: StoredMailSettings) -> MailSettings:
    values = {name: value for name, value in found.values.items() if name in fields_of(MailSettings)}
    if found.sealed_password is not None:
        values[_PASSWORD] = sealer.open(_sealed_name(row), found.sealed_password)
    return checked(MailSettings, values, f"The stored e-mail settings of {row.name} cannot be used.")


def _sealed(sealer: Sealer, row: DatabaseRow, settings: MailSettings, revision: int) -> StoredMailSettings:
    defaults, password = flat_values(MailSettings()), settings.mailbox.password
    values = {
        name: value for name, value in flat_values(settings).items() if name != _PASSWORD and value != defaults[name]
    }
    return StoredMailSettings(values, sealer.seal(_sealed_name(row), password) if password else None, revision)


def _sealed_name(row: DatabaseRow) -> str:
    return f"{_PASSWORD} of {row.database_id}"


def _shown(name: str, value: Any, old: MailSettings) -> str:
    """A value for the audit; of a secret only that it was set or changed."""
    if not isinstance(value, SecretStr):
        return "none" if value is None else fields_of(MailSettings)[name].text(value)
    return "set" if value == old.mailbox.password else "changed"


def _view(
    environment: Environment, row: DatabaseRow, found: MailSettings, revision: int
) -> contract.ProjectMailSettings:
    values, options = flat_values(found), environment.options.current.tracking
    secrets = tuple(name for name, value in values.items() if isinstance(value, SecretStr))
    inherited: Mapping[str, Any] = flat_values(options)
    return contract.ProjectMailSettings(
        database=row.name,
        revision=revision,
        values={name: value for name, value in values.items() if name != _PASSWORD},
        set_secrets=secrets,
        inherited={
            name: inherited[name.removeprefix("mailbox.")]
            for name in values
            if name.startswith("mailbox.") and name != _PASSWORD
        },
    )

"""The e-mail settings of a project as they are used, and the mailbox that its tracked e-mail comes back to.

Fails with `Unavailable` when the sealed password does not open: secret.key is another one.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from trackkit.domain.tracking_options import Mailbox, MailSettings, mailbox_of
from trackkit.services.environment import Environment
from trackkit.services.sealing import Sealer
from trackkit.store import project_mail
from trackkit.store.databases import DatabaseRow
from trackkit.store.project_mail import ProjectMailRow


def sealed(sealer: Sealer, row: DatabaseRow, password: SecretStr) -> bytes:
    """The password of a project's own mailbox as it is stored."""
    return sealer.seal(_name(row), password)


def opened(sealer: Sealer, row: DatabaseRow, stored: ProjectMailRow) -> MailSettings:
    """The settings of a project, the mailbox's password among them."""
    values: dict[str, Any] = dict(stored.values)
    own: dict[str, Any] = dict(values.pop("mailbox", {}))
    if stored.sealed_password is not None:
        own["password"] = sealer.open(_name(row), stored.sealed_password)
    return MailSettings.model_validate({**values, "mailbox": own})


def settings_of(environment: Environment, row: DatabaseRow) -> MailSettings:
    """The present settings of a project."""
    stored = environment.store.read(lambda connection: project_mail.find(connection, row.id))
    return opened(environment.sealer, row, stored)


def project_mailbox(environment: Environment, settings: MailSettings) -> Mailbox | None:
    """The mailbox of a project with these settings; none where nothing is tracked."""
    options = environment.options.current.tracking
    return mailbox_of(options, settings.mailbox) if options.enabled and settings.tracking else None


def server_mailbox(environment: Environment) -> Mailbox | None:
    """The server's own mailbox; none where nothing is tracked."""
    options = environment.options.current.tracking
    return mailbox_of(options) if options.enabled else None


def _name(row: DatabaseRow) -> str:
    """What the password is sealed for: the database, whatever it is called."""
    return f"mailbox of {row.database_id}"

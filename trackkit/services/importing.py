"""What becomes of mail that was fetched."""

from __future__ import annotations

from trackkit.services.environment import Environment
from trackkit.store import inbox


def import_fetched(environment: Environment, mailbox_key: str) -> None:
    """Decide about every mail of this account that is `fetched`."""
    environment.store.write(lambda connection: inbox.forget_fetched(connection, mailbox_key, environment.clock()))

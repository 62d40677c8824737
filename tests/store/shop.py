"""A project whose users have addresses and whose mail is set up, used in process."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.store.conftest import AsUser, Clock
from trackkit.contract.databases import CreateDatabase
from trackkit.contract.project import AddItem, EditItem, Item
from trackkit.contract.tracking import SetProjectMail
from trackkit.domain.accounts import Actor, ProjectIdentity, Role
from trackkit.domain.project.commands import ADMINISTRATORS, COMMANDS
from trackkit.domain.project.kind import Kind
from trackkit.services import databases, project_items, project_mail_settings
from trackkit.services.environment import Call, Environment
from trackkit.store.tables import bodies, messages, recipients

NAME = "shop"
SERVER = {
    "sending.smtp.host": "mail.example.org",
    "tracking.enabled": True,
    "tracking.host": "pop.example.org",
    "tracking.username": "track",
    "tracking.password": "of the server",
    "tracking.address": "track@example.org",
    "tracking.subaddressing": True,
}
MAIL = {"tracking": True, "notification_name": "Shop", "notification_address": "shop@example.org"}


class Shop:
    """The project `NAME`, with its users ana, ben and chen, who has no address; each may everything."""

    def __init__(self, environment: Environment, clock: Clock, admin: AsUser) -> None:
        self.environment, self.clock, self.admin = environment, clock, admin
        databases.create_database(admin(), CreateDatabase(name=NAME, administrator_password="a-long-passphrase"))
        admin.set(SERVER)
        self.set_mail(**MAIL)
        for name in ("ana", "ben"):
            self.add("user", name=name, email=f"{name}@example.org", groups=[ADMINISTRATORS])
        self.add("user", name="chen")

    def set_mail(self, **values: object) -> None:
        """Set e-mail settings of the project."""
        request = SetProjectMail.model_validate({"database": NAME, "values": values})
        project_mail_settings.change_settings(self.admin(), request)

    @property
    def row(self) -> Any:
        """What the list says of it."""
        return self.environment.projects.row(NAME)

    def call(self, username: str = "administrator") -> Call:
        """A request in the name of a project user."""
        identity = ProjectIdentity(NAME, self.row.id, 1, "api", frozenset(COMMANDS))
        actor = Actor(username, Role.viewer, "127.0.0.1", session_id="test", project=identity)
        return Call(self.environment, actor, self.clock())

    def add(self, kind: str, by: str = "administrator", **values: Any) -> Item:
        """Add an item."""
        return project_items.add_item(self.call(by), AddItem(kind=Kind(kind), values=values))

    def edit(self, kind: str, key: str, by: str = "administrator", **values: Any) -> Item:
        """Change an item."""
        return project_items.edit_item(self.call(by), EditItem(kind=Kind(kind), key=key, values=values))

    def queued(self) -> list[tuple[str, list[str], str, bytes]]:
        """What is in the server's queue: envelope sender, recipients, subject, bytes."""

        def work(connection: Any) -> list[tuple[str, list[str], str, bytes]]:
            rows = connection.execute(
                select(messages.c.id, messages.c.mail_from, messages.c.subject, bodies.c.raw)
                .join(bodies, bodies.c.message_id == messages.c.id)
                .order_by(messages.c.id)
            ).all()
            return [
                (
                    row.mail_from,
                    sorted(
                        connection.execute(
                            select(recipients.c.address).where(recipients.c.message_id == row.id)
                        ).scalars()
                    ),
                    row.subject,
                    bytes(row.raw),
                )
                for row in rows
            ]

        return self.environment.store.read(work)

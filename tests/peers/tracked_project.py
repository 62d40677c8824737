"""A server whose project tracks its e-mail in a `PostOffice`: what the eight steps of the set-up come to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.peers.post_office import PostOffice, address
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.client.project import Project
from trackkit.contract.project_mail import EmailView
from trackkit.contract.tracking import PolledMailbox
from trackkit.domain.delivery import State
from trackkit.domain.project.commands import COMMANDS

ADMINISTRATOR, PASSWORD = "administrator", "the administrator's password"
USER, USER_PASSWORD = "ada", "correct horse battery"
CUSTOMER = "Carl"
"""Of the address carl@."""
DESK = "desk"
"""The mailbox of the notification account."""


@dataclass(frozen=True)
class TrackedProject:
    """The user ada and the customer Carl have mailboxes in the post office; so has the tracking account."""

    server: RunningServer
    office: PostOffice
    account: str
    database: str

    @contextmanager
    def as_ada(self) -> Iterator[Project]:
        """Logged in as the user who may everything about e-mail."""
        with self.server.admin.project(self.database, USER, USER_PASSWORD) as project:
            yield project

    def add_defect(self, title: str) -> str:
        """A new record, as e-mails name it."""
        with self.as_ada() as project:
            return f"defect {project.add('defect', title=title).key}"

    def emails(self, record: str | None = None) -> list[EmailView]:
        """The e-mails of a record, or of all."""
        with self.as_ada() as project:
            return list(project.mail.list(record, limit=2000).items)

    def all_left(self) -> None:
        """Wait until what this server sends has reached the mailboxes, or was refused."""
        mail = self.server.admin.mail
        wait_until(lambda: {one.state for one in mail.each()} <= {State.failed}, what="a queue with nothing to send")
        wait_until(self.office.is_idle, what="an idle Postfix")

    def poll(self) -> PolledMailbox:
        """Fetch now, without a failure, and let out what comes of it."""
        wait_until(self.office.is_idle, what="an idle Postfix")
        (polled,) = self.server.admin.tracking.poll().mailboxes
        assert not polled.words, polled
        self.all_left()
        return polled


def set_up(server: RunningServer, office: PostOffice, account: str, name: str, **settings: object) -> TrackedProject:
    """Make a project that tracks by the server's own mailbox `account`.

    Parameters
    ----------
    settings: more of the project's e-mail settings.
    """
    admin = server.admin
    admin.databases.create(name, administrator_password=PASSWORD)
    values = {"tracking": True, "notification_name": "Help desk", "notification_address": address(DESK)}
    admin.tracking.set(name, {**values, **settings})  # type: ignore[dict-item]
    with admin.project(name, ADMINISTRATOR, PASSWORD) as project:
        project.add("group", name="Correspondents", commands=list(COMMANDS))
        project.add(
            "user",
            name=USER,
            full_name="Ada Lovelace",
            email=address(USER),
            groups=["Correspondents"],
            password=USER_PASSWORD,
        )
        project.add("customer", name=CUSTOMER, email=address("carl"))
    return TrackedProject(server, office, account, name)

"""Notifications: what a project's rules say about a change is written down in the transaction that makes the change.

A `Teller` works for one unit of work: `tell` inside it, `finish` when it is committed, which lets the mails leave and
logs whom nobody could write to. Nothing that is wrong with a rule, a template, an address or a stored secret ever keeps
the change from being made. Nobody is told anything while the project may not send or has no notification account.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import cached_property
from typing import Final

from trackkit.domain.addresses import address_problem, normal_address
from trackkit.domain.databases import called
from trackkit.domain.errors import DatabaseUnavailable, InvalidInput, NotFound, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.project import rules
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.domain.project.rules import Change, Event, Member, Rule, Telling
from trackkit.domain.project.templates import FOR_EVENTS, Person, Written
from trackkit.domain.text import counted
from trackkit.domain.tracking.cookie import Keys, Tracked
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.domain.tracking.way import Way, plain_way, tracked_way
from trackkit.domain.tracking_options import Mailbox, MailSettings
from trackkit.services import project_outbox, project_templates, tracking_keys
from trackkit.services.environment import Environment
from trackkit.services.project_mail_settings import mailbox_of_project, own_addresses, settings_of
from trackkit.services.project_stores import OpenProject
from trackkit.store import databases, outbox, overdue, project_emails, project_items
from trackkit.store.database import Connection
from trackkit.store.databases import DatabaseRow
from trackkit.store.outbox import Outgoing
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import key_of_name

SOURCE: Final = "notifications"
WRITER: Final = "notifications"
"""Who files notifications, as the project's tables name it."""

MOST: Final = 100
"""Mails that one unit of work causes at most: an import of a thousand rows is no reason for a thousand mails."""


class Teller:
    """Tells of the changes that one unit of work makes in a project, with at most so many mails."""

    def __init__(self, environment: Environment, row: DatabaseRow, most: int = MOST) -> None:
        self._environment, self._row, self._most = environment, row, most
        self._own = own_addresses(environment)
        self._warnings: dict[str, None] = {}
        self._written, self._left_out = 0, 0

    def tell(
        self, connection: Connection, info: KindInfo, changes: Iterable[Change], actor: str, now: datetime
    ) -> None:
        """Write down what the rules say about changes that `actor` has made to records of a kind."""
        if info.record:
            happened = [(change, rules.events_of(change)) for change in changes]
            self._tell(connection, info, [one for one in happened if one[1]], actor, now)

    def tell_overdue(self, connection: Connection, info: KindInfo, late: Sequence[Change], now: datetime) -> None:
        """Write down what the rules say about records that are late."""
        self._tell(connection, info, [(change, frozenset({"overdue"})) for change in late], "", now)

    def finish(self) -> None:
        """After the commit: let the mails leave, and log what went wrong with them."""
        if self._left_out:
            many = counted(self._left_out, "notification")
            words = f"{many} of {self._row.name} were left out: there were more than {self._most} at once."
            self._warnings[words] = None
        for words in self._warnings:
            self._environment.log.write(Severity.warning, SOURCE, words, database=self._row.name)
        if self._written:
            project_outbox.flush(self._environment, self._row)

    @cached_property
    def _settings(self) -> MailSettings:
        return settings_of(self._environment, self._row)

    @cached_property
    def _mailbox(self) -> Mailbox | None:
        return mailbox_of_project(self._environment, self._row)

    @cached_property
    def _keys(self) -> Keys:
        return tracking_keys.current(self._environment)

    @cached_property
    def may_tell(self) -> bool:
        """Whether anybody is told anything; nobody is while secrets that this needs cannot be read (secret.key)."""
        try:
            if not (self._row.settings.sending and self._settings.notification_address):
                return False
            self._own(self._settings.notification_address)  # so that they are read now
            return self._mailbox is None or bool(self._keys.secrets)
        except Unavailable as error:
            self._warnings[f"Nobody is told of changes in {self._row.name}: {error.message}"] = None
            return False

    def _tell(
        self,
        connection: Connection,
        info: KindInfo,
        happened: Sequence[tuple[Change, frozenset[Event]]],
        actor: str,
        now: datetime,
    ) -> None:
        wanted = _rules(connection, info.kind) if happened else []
        if not wanted or not self.may_tell:
            return
        members = _members(connection)
        for change, events in happened:
            found = rules.tellings(
                wanted, events, change.after, members, key_of_name(actor), key_of_name, self._is_unreachable
            )
            for telling in found:
                self._warn_of(telling)
                if telling.members:
                    self._write(connection, info, change.number, telling, actor, now)

    def _is_unreachable(self, address: str) -> bool:
        return bool(address_problem(normal_address(address))) or self._own(address)

    def _warn_of(self, telling: Telling) -> None:
        for member in telling.unreachable:
            words = f"The rule {telling.rule.name!r} could not tell the user {member.shown}: no valid e-mail address."
            self._warnings[words] = None

    def _write(
        self, connection: Connection, info: KindInfo, number: int, telling: Telling, actor: str, now: datetime
    ) -> None:
        if self._written >= self._most:
            self._left_out += 1
            return
        record = project_items.by_number(connection, info, number)
        if record is None:
            return  # deleted meanwhile
        try:
            self._put(connection, record, telling, self._words(connection, record, telling.rule, actor), now)
            self._written += 1
        except (InvalidInput, NotFound) as error:
            self._warnings[f"The rule {telling.rule.name!r} could not tell of {info.kind} {number}: {error}"] = None

    def _words(self, connection: Connection, record: ItemRow, rule: Rule, actor: str) -> Written:
        name = rule.template or FOR_EVENTS[rule.event]
        template = project_templates.template_of(connection, name, record.kind)
        settings = self._settings
        user = (
            project_templates.person_of(connection, actor)
            if actor
            else Person(settings.notification_name or called(self._row.name), "", settings.notification_address)
        )
        return project_templates.written(template, project_templates.about(self._row, record, user))

    def _put(self, connection: Connection, record: ItemRow, telling: Telling, words: Written, now: datetime) -> None:
        tracked = telling.rule.tracked and self._mailbox is not None
        number = project_emails.take_email_numbers(connection) if tracked else None
        way = self._way(record, number, len(telling.members))
        to = [Party(normal_address(member.address), member.shown) for member in telling.members]
        author = Party(normal_address(self._settings.notification_address), self._settings.notification_name)
        letter = Letter(
            author=author,
            to=to,
            reply_to=way.back,
            subject=way.subject(words.subject),
            text=words.text,
            date=now.astimezone(self._environment.zone),
            message_id=way.message_id,
            automatic="auto-generated",
        )
        raw, addresses = compose(letter), tuple(party.address for party in to)
        if number is not None:
            email = project_emails.written_here(
                letter,
                raw,
                number=number,
                kind=record.kind,
                record=record.number,
                tracked=True,
                origin="notification",
            )
            project_emails.add_all(connection, [email], now, WRITER)
        outbox.put(connection, [Outgoing(number, "notification", way.back, addresses, raw)], now)

    def _way(self, record: ItemRow, number: int | None, recipients: int) -> Way:
        if number is None or self._mailbox is None:
            return plain_way(normal_address(self._settings.notification_address), secrets.token_hex(16))
        one = 1 if recipients == 1 else 0
        named = Tracked(self._row.database_id, record.kind, record.number, number, one)
        return tracked_way(self._mailbox, self._keys, self._environment.server_id, named)


def _rules(connection: Connection, kind: Kind) -> list[Rule]:
    """The active rules for a kind of record."""
    return [
        Rule(
            row.key,
            row.values["event"],
            row.values["recipients"],
            row.values["template"],
            tracked=row.values["tracked"],
        )
        for row in project_items.all_items(connection, Kind.rule)
        if row.values["active"] and row.values["record_kind"] == kind
    ]


def _members(connection: Connection) -> list[Member]:
    """The active users."""
    return [
        Member(
            key_of_name(row.key),
            row.values["full_name"] or row.key,
            row.values["email"],
            frozenset(map(key_of_name, row.values["groups"])),
        )
        for row in project_items.all_items(connection, Kind.user)
        if row.values["active"]
    ]


def tell_overdue(environment: Environment) -> None:
    """Tell of the records of every project that have become overdue: once for each due date."""
    for row in environment.store.read(databases.all_databases):
        if row.settings.active and not environment.projects.availability(row):
            with suppress(DatabaseUnavailable):  # logged when it went away; told when it is back
                _tell_overdue_of(environment, environment.projects.opened(row))


def _tell_overdue_of(environment: Environment, project: OpenProject) -> None:
    teller, now = Teller(environment, project.row, most=sys.maxsize), environment.clock()
    if not teller.may_tell:
        return
    today = now.astimezone(environment.zone).date()

    def late(connection: Connection) -> dict[Kind, list[tuple[int, date]]]:
        found = {
            kind: overdue.untold(connection, kind, today, done, MOST)
            for kind, done in rules.DONE.items()
            if any(rule.event == "overdue" for rule in _rules(connection, kind))
        }
        return {kind: records for kind, records in found.items() if records}

    def work(connection: Connection) -> None:
        for kind, records in late(connection).items():
            rows = (project_items.by_number(connection, KINDS[kind], number) for number, _ in records)
            changes = [Change(row.number, None, row.values) for row in rows if row is not None]
            teller.tell_overdue(connection, KINDS[kind], changes, now)
            overdue.note(connection, kind, records)

    if project.read(late):
        project.write(work)
        teller.finish()

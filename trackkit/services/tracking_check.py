"""What is missing for a project to track its e-mail: the facts for `domain.tracking.setup`. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from trackkit.contract import tracking as contract
from trackkit.domain.errors import InvalidInput, NotFound
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.templates import faults_of
from trackkit.domain.tracking.mailbox import WORDS, Trouble
from trackkit.domain.tracking.setup import Facts, steps
from trackkit.domain.tracking_options import MailSettings, mailbox_of
from trackkit.services.environment import Call, Environment
from trackkit.services.project_mail_settings import settings_of
from trackkit.services.project_templates import template_of
from trackkit.store import mailboxes, project_items
from trackkit.store.database import Connection
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import key_of_name


def check(call: Call, request: contract.NamedProject) -> contract.Check:
    """Walk the eight steps of the set-up for a project."""
    environment = call.environment
    project = environment.projects.open(request.database)
    settings = settings_of(environment, project.row)
    options = environment.options.current
    mailbox = mailbox_of(options.tracking, settings.mailbox)
    found = project.read(lambda connection: _look(connection, settings))
    facts = Facts(
        database=project.row.name,
        options=options,
        project_sends=project.row.settings.sending,
        settings=settings,
        mailbox=mailbox,
        mailbox_trouble=_trouble(environment, mailbox.key) if mailbox else "",
        addresses=found.addresses,
        own_templates=found.templates,
        template_faults=found.faults,
        commands=found.commands,
    )
    walked = tuple(contract.CheckStep(**asdict(step)) for step in steps(facts))
    return contract.Check(database=project.row.name, steps=walked, ready=all(step.done for step in walked))


def _trouble(environment: Environment, mailbox: str) -> str:
    """Why the last fetching from an account failed; empty when it did not."""
    row = environment.store.read(mailboxes.every).get(mailbox)
    if row is None or not row.failure:
        return ""
    return WORDS[Trouble(row.failure)].words.format(text=row.text)


@dataclass(frozen=True, slots=True)
class _InProject:
    addresses: dict[str, str]
    templates: int
    faults: list[str]
    commands: dict[str, frozenset[str]]


def _look(connection: Connection, settings: MailSettings) -> _InProject:
    users = [row for row in project_items.all_items(connection, Kind.user) if row.values["active"]]
    groups, templates = (project_items.all_items(connection, kind) for kind in (Kind.group, Kind.template))
    rules = project_items.all_items(connection, Kind.rule)
    used = {name for user in users for name in user.values["groups"]}
    names = {key_of_name(row.key) for row in (*users, *groups)} | {"owner", "reporter"}
    faults = [
        *_template_faults(templates),
        *_rule_faults([row for row in rules if row.values["active"]], names, lambda *a: template_of(connection, *a)),
        *_letter_faults(settings, lambda *a: template_of(connection, *a)),
    ]
    return _InProject(
        addresses={user.key: user.values["email"] for user in users},
        templates=len(templates),
        faults=faults,
        commands={group.key: frozenset(group.values["commands"]) for group in groups if group.key in used},
    )


def _template_faults(templates: list[ItemRow]) -> Iterator[str]:
    for row in templates:
        faults = faults_of(row.values["subject"], row.values["body"], Kind(row.values["record_kind"]))
        if faults:
            yield f"The template {row.key!r}, {faults[0].field}, line {faults[0].line}: {faults[0].words}."


_Find = Callable[[str, Kind], object]


def _rule_faults(rules: list[ItemRow], names: set[str], find: _Find) -> Iterator[str]:
    for row in rules:
        unknown = [name for name in row.values["recipients"] if key_of_name(name) not in names]
        if unknown:
            yield f"The rule {row.key!r} names {', '.join(unknown)}: no active user and no group is called so."
        if row.values["template"] is not None:
            try:
                find(row.values["template"], Kind(row.values["record_kind"]))
            except InvalidInput as error:
                yield f"The template of the rule {row.key!r} {error.problems[0].message}."


def _letter_faults(settings: MailSettings, find: _Find) -> Iterator[str]:
    """The letter's template has to be there for some kind of record at least."""
    if not settings.letter or settings.letter_template is None:
        return
    for kind in RECORD_KINDS:
        try:
            find(settings.letter_template, kind)
        except NotFound as error:
            yield f"The automatic letter: {error.message}"
            return
        except InvalidInput:
            continue
        return

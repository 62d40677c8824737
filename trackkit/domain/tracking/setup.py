"""The eight steps by which a project comes to track its e-mail (SPEC §8): which are done, what is missing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trackkit.domain.addresses import address_problem, normal_address
from trackkit.domain.options import Options
from trackkit.domain.project.commands import MAIL_VERBS, MailVerb, command
from trackkit.domain.project.kind import RECORD_KINDS
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.text import counted
from trackkit.domain.tracking_options import Mailbox, MailSettings

_NAMED: Final = 10
"""People and templates that are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `option`: what it is about: an option of the server, a setting of the database or of its e-mail."""

    number: int
    title: str
    done: bool
    words: str
    advice: str
    option: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the steps look at.

    Parameters
    ----------
    project_sends: `DatabaseSettings.sending`.
    mailbox: whatever the switches say; none = something needed is missing.
    mailbox_trouble: why mail cannot be fetched there; empty while it can, or was never tried.
    addresses: of each active user, by name.
    own_templates: how many the project has.
    template_faults: what is wrong with templates and rules, in words.
    commands: of each security group with an active member, by its name.
    """

    database: str
    options: Options
    project_sends: bool
    settings: MailSettings
    mailbox: Mailbox | None
    mailbox_trouble: str
    addresses: Mapping[str, str]
    own_templates: int
    template_faults: Sequence[str]
    commands: Mapping[str, frozenset[str]]


_Found = tuple[bool, str, str, str]
"""Whether it is done, words, advice, option."""


def steps(facts: Facts) -> Iterator[Step]:
    """The eight steps in their order."""
    for number, (title, look) in enumerate(_STEPS, 1):
        done, words, advice, option = look(facts)
        yield Step(number, title, done, words, "" if done else advice, option)


def _sending(facts: Facts) -> _Found:
    sending = facts.options.sending
    if sending.method == "mapi":
        return False, "Mail leaves by MAPI, which cannot carry tracked e-mail.", "Choose SMTP.", "sending.method"
    if not sending.is_set_up:
        return False, "No mail host is set.", "Enter the SMTP host, then test it.", "sending.smtp.host"
    if sending.paused:
        return False, "Sending is paused; mail waits in the queue.", "Switch the pause off.", "sending.paused"
    return True, f"Mail leaves by the method '{sending.method}'.", "", "sending.smtp.host"


def _account(facts: Facts) -> _Found:
    if not facts.options.tracking.enabled:
        words = "E-mail tracking is off for the server."
        return False, words, "Enter the mailbox and its address, and switch it on.", "tracking.enabled"
    if facts.mailbox is None:
        return False, "The mailbox is not complete.", "Enter what is missing, then test it.", "tracking.host"
    if facts.mailbox_trouble:
        return False, facts.mailbox_trouble, "Test the mailbox: it says what to do.", "tracking.host"
    whose = "its own" if facts.settings.mailbox.username or facts.settings.mailbox.host else "the server's"
    return True, f"{facts.mailbox.address}, fetched from {facts.mailbox.key}: {whose} mailbox.", "", "tracking.address"


def _project_sends(facts: Facts) -> _Found:
    if facts.project_sends:
        return True, "Its mail may leave the server.", "", "sending"
    advice = "Switch the database's setting on. Restored and sample databases start with it off."
    return False, "Nothing that this project sends leaves the server.", advice, "sending"


def _project_tracks(facts: Facts) -> _Found:
    if facts.settings.tracking:
        return True, "Users may send tracked e-mail.", "", "tracking"
    return False, "Tracking is off for this project.", "Switch it on.", "tracking"


def _notification_account(facts: Facts) -> _Found:
    address, option = facts.settings.notification_address, "notification_address"
    if not address:
        return False, "It has no address.", "Enter an address that people read.", option
    if problem := _problem(address, facts.mailbox):
        return False, f"Its address {problem}.", "Enter an address that people read.", option
    return True, f"{facts.settings.notification_name} <{address}>".strip(), "", option


def _users(facts: Facts) -> _Found:
    bad = [(name, _problem(address, facts.mailbox)) for name, address in sorted(facts.addresses.items())]
    bad = [(name, problem) for name, problem in bad if problem]
    if not bad:
        return True, f"{counted(len(facts.addresses), 'active user')}, each with a valid address.", "", "user"
    named = "; ".join(f"{name}: {problem}" for name, problem in bad[:_NAMED])
    more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    advice = "Correct their addresses in the project, or switch the accounts off. They can neither send nor be told."
    return False, f"Without a valid address: {named}{more}.", advice, "user"


def _templates(facts: Facts) -> _Found:
    if not facts.template_faults:
        own = counted(facts.own_templates, "template")
        return True, f"The standard templates, and {own} of its own.", "", "template"
    more = len(facts.template_faults) - _NAMED
    named = " ".join(facts.template_faults[:_NAMED]) + (f" And {more} more." if more > 0 else "")
    return False, named, "Correct them in the project; the preview shows what they become.", "template"


def _commands(facts: Facts) -> _Found:
    given = {name for commands in facts.commands.values() for name in commands}
    needed: tuple[MailVerb, ...] = ("send_mail", "view_mail")
    ready = [kind for kind in RECORD_KINDS if all(command(kind, verb) in given for verb in needed)]
    if not ready:
        words = "No security group with an active user has the commands that sending and reading need."
        titles = ", ".join(MAIL_VERBS.values())
        return False, words, f"Give groups the commands, for each kind of record: {titles}.", "group"
    groups = sorted(name for name, commands in facts.commands.items() if _sends(commands))
    kinds = ", ".join(KINDS[kind].titles.lower() for kind in ready)
    return True, f"For {kinds}, by the groups {', '.join(groups)}.", "", "group"


def _sends(commands: frozenset[str]) -> bool:
    return any(command(kind, "send_mail") in commands for kind in RECORD_KINDS)


def _problem(address: str, mailbox: Mailbox | None) -> str:
    if problem := address_problem(normal_address(address)):
        return problem
    return "is the tracking address" if mailbox is not None and mailbox.is_own(address) else ""


_STEPS: Final[tuple[tuple[str, Callable[[Facts], _Found]], ...]] = (
    ("Sending works over SMTP and is on for the server", _sending),
    ("The tracking account is set", _account),
    ("The project may send", _project_sends),
    ("The project tracks its e-mail", _project_tracks),
    ("The notification account has an address", _notification_account),
    ("Users have valid addresses", _users),
    ("Templates can be used", _templates),
    ("Security groups have the commands", _commands),
)

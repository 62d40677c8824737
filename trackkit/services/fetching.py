"""Mail that comes from mailboxes is put down here: which mailboxes there are, and the store's side of a session.

A `Basket` belongs to one session with one account, and its calls block: they are made in a thread. Promises: when
`put_down` returns, everything it was given is on disk, each mail once by its identity at the host; when what `take`
returns has returned, it is decided about (`importing`) as far as it can be. Only what that and `looked` name may be
deleted at the host.

Fails as the store does; then nothing may be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from trackkit.domain.log import Severity
from trackkit.domain.tracking import mailbox as rules
from trackkit.domain.tracking import reading
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.mailbox import Listed, Rules, Trouble
from trackkit.domain.tracking_options import Mailbox, mailbox_of
from trackkit.domain.trust import Seen
from trackkit.services import importing, trust
from trackkit.services.environment import Environment
from trackkit.services.project_mail_settings import tracked_projects
from trackkit.services.reading import Begun
from trackkit.store import inbox, mailboxes
from trackkit.store.database import Connection
from trackkit.store.inbox import Arrived, Known
from trackkit.store.inbox_decisions import Fetched

SOURCE: Final = "tracking"


@dataclass(frozen=True, slots=True)
class Account:
    """An account that mail is fetched from. `databases`: the projects whose mail comes there."""

    mailbox: Mailbox
    databases: tuple[str, ...]


def accounts(environment: Environment) -> list[Account]:
    """Every account that mail is fetched from, once; none while tracking is off.

    What belongs to no record is removed only where all that share an account say so.
    """
    options = environment.options.current.tracking
    own = mailbox_of(options) if options.enabled else None
    found: dict[str, Account] = {own.key: Account(own, ())} if own else {}
    for row, _, mailbox in tracked_projects(environment):
        shared = found.get(mailbox.key, Account(mailbox, ()))
        removes = shared.mailbox.remove_untracked and mailbox.remove_untracked
        one = replace(shared.mailbox, remove_untracked=removes)
        found[mailbox.key] = Account(one, (*shared.databases, row.name))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Came:
    """A message that came from the host. `raw`: none = it is larger than what is taken."""

    listed: Listed
    size: int
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that came together, and were put down.

    Parameters
    ----------
    numbers: theirs at the host, and their identities, in order.
    fetched: what is to be decided about.
    rows: those of all that was put down with them.
    begun: they are being read; none = they are read when they are decided about.
    """

    numbers: Sequence[tuple[int, str]]
    fetched: Sequence[Fetched] = field(repr=False)
    rows: Sequence[int]
    begun: Begun | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about what waits at the host.

    Parameters
    ----------
    fetch: in the host's order.
    delete: what is done with and may go: the row here by the number there.
    named: the host names each message, so that none has to be fetched to be known.
    """

    fetch: tuple[Listed, ...]
    delete: dict[int, int]
    named: bool


class Basket:
    """Of one session. `begin` comes first, then `looked`; `finish` after the host has taken leave.

    What came goes first to `put_down`, then to `take`; each is called by one thread at a time.
    """

    def __init__(self, environment: Environment, mailbox: Mailbox) -> None:
        self._environment, self._key = environment, mailbox.key
        most = environment.options.current.sending.timing.largest_message
        self.rules = Rules(mailbox.remove_untracked, most)
        self._known: dict[str, Known] = {}
        self._read_by: reading.Known | None = None
        self._there: set[int] = set()
        """The rows of what is at the host, as far as that is seen."""

    def begin(self) -> None:
        """Decide about what an earlier session, or a crash, has left undecided; remember what is at the host."""
        environment, key = self._environment, self._key
        environment.store.write(lambda connection: mailboxes.begun(connection, key, environment.clock()))
        if environment.store.read(lambda connection: inbox.has_fetched(connection, key)):
            importing.import_fetched(environment, key)
        self._known = {one.uidl: one for one in environment.store.read(lambda c: inbox.at_host(c, key))}

    def looked(self, listed: Sequence[Listed]) -> Plan:
        """What to do about what the host lists; what it does not list any more, it has let go of."""
        fetch: list[Listed] = []
        large: list[Came] = []
        known_ones: list[tuple[int, Known]] = []
        for one in listed:
            known = self._known.get(one.uidl or _by_size(one.size))
            if known is not None and not self._wanted(known, one.size):
                known_ones.append((one.number, known))
            elif one.size > self.rules.most:
                large.append(Came(one, one.size, None))
            else:
                fetch.append(one)
        delete = self._removable(known_ones)
        if large:
            delete |= self.take(self.put_down(large))()
        named = all(one.uidl for one in listed)
        here = {one.uidl for one in listed}
        gone = [known.id for uidl, known in self._known.items() if uidl not in here] if named else []

        def work(connection: Connection) -> None:
            inbox.gone(connection, gone)
            mailboxes.waits(connection, self._key, len(fetch), self._environment.clock())

        self._environment.store.write(work)
        return Plan(tuple(fetch), delete, named)

    def put_down(self, came: Sequence[Came]) -> Batch:
        """Put down what came, and have it read while other things are done."""
        environment, key, at = self._environment, self._key, self._environment.clock()
        arrived: dict[str, Arrived] = {}
        numbers: list[tuple[int, str]] = []
        for one in came:
            mail = _arrived(one)
            known = self._known.get(mail.uidl)
            if known is None:
                arrived.setdefault(mail.uidl, mail)
            elif self._wanted(known, one.size):
                arrived[mail.uidl] = replace(mail, row=known.id)
            numbers.append((one.listed.number, mail.uidl))
        if not arrived:
            return Batch(numbers, (), (), None)
        new = list(arrived.values())
        rows = environment.store.write(lambda connection: inbox.store(connection, key, new, at))
        for row, mail in zip(rows, new, strict=True):
            self._known[mail.uidl] = Known(row, mail.uidl, mail.size, mail.state, mail.rule, mail.raw is not None)
        fetched = [
            Fetched(row, key, mail.sha256, mail.raw, at, mail.state, 0)
            for row, mail in zip(rows, new, strict=True)
            if mail.state is InboxState.fetched
        ]
        if self._read_by is None:
            self._read_by = importing.known_now(environment, key)
        return Batch(numbers, fetched, rows, importing.begin(environment, self._read_by, fetched))

    def take(self, batch: Batch) -> Callable[[], dict[int, int]]:
        """Have what was put down filed.

        What is returned waits until what became of it is put down, too, and says what of it may be deleted, as
        `Plan.delete`; meanwhile the next may be taken.
        """
        environment, rows = self._environment, batch.rows
        if batch.fetched:
            self._read_by, decided = importing.import_these(environment, self._key, batch.fetched, batch.begun)

        def finish() -> dict[int, int]:
            if batch.fetched:
                decided()
                self._known |= {one.uidl: one for one in environment.store.read(lambda c: inbox.standing(c, rows))}
            there = [(number, self._known.get(uidl)) for number, uidl in batch.numbers]
            return self._removable([(number, known) for number, known in there if known is not None])

        return finish

    def finish(self, deleted: Iterable[int], left: int, *, complete: bool) -> None:
        """The session is over, and the host has deleted these rows' messages.

        Parameters
        ----------
        left: messages that had to be fetched and were not.
        complete: every message was seen, so that of what was not, nothing is there any more.
        """
        gone = set(deleted)
        if complete:
            gone |= {known.id for known in self._known.values()} - self._there
        rows = sorted(gone)

        def work(connection: Connection) -> bool:
            inbox.gone(connection, rows)
            return mailboxes.succeeded(connection, self._key, left, self._environment.clock())

        if self._environment.store.write(work):
            words = f"Mail is fetched from the mailbox {self._key} again."
            self._environment.log.write(Severity.information, SOURCE, words)

    def failed(self, trouble: Trouble, text: str, conversation: str, seen: Seen | None) -> None:
        """The session came to nothing, or to no end; told when it begins."""

        def work(connection: Connection) -> bool:
            if seen is not None:
                trust.record(connection, [seen])
            at = self._environment.clock()
            return mailboxes.failed(connection, self._key, trouble, text, conversation, at)

        if self._environment.store.write(work):
            said = rules.WORDS[trouble]
            words = f"No mail can be fetched from the mailbox {self._key}: {said.words.format(text=text)}"
            self._environment.log.write(Severity.warning, SOURCE, words, said.advice)

    def _wanted(self, known: Known, size: int) -> bool:
        size = max(size, known.size)  # which may be more than what the host lists
        return rules.wanted_again(known.state, known.rule, size, kept=known.kept, rules=self.rules)

    def _removable(self, known_ones: Collection[tuple[int, Known]]) -> dict[int, int]:
        """Of these those that may be deleted at the host; what is untracked and stays there needs no place here."""
        self._there |= {known.id for _, known in known_ones}
        stays = [
            known.id
            for _, known in known_ones
            if known.state is InboxState.untracked and known.kept and not self.rules.remove_untracked
        ]
        if stays:
            self._environment.store.write(lambda connection: inbox.left(connection, stays))
        return {
            number: known.id
            for number, known in known_ones
            if rules.removable(known.state, known.rule, kept=known.kept, rules=self.rules)
        }


def _arrived(one: Came) -> Arrived:
    if one.raw is None:
        words = f"It has {one.size:,} bytes; the maximum message size is smaller. It stays at the host."
        uidl = one.listed.uidl or _by_size(one.size)
        return Arrived(uidl, "", one.size, None, InboxState.quarantined, rules.TOO_LARGE, words)
    digest = sha256(one.raw).hexdigest()
    return Arrived(one.listed.uidl or f"sha256:{digest}", digest, one.size, one.raw)


def _by_size(size: int) -> str:
    """The identity of a message that is too large to be fetched, at a host that names none."""
    return f"size:{size}"

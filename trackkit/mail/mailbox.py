"""One session with a mailbox: what waits there is fetched, put down here, and only then deleted there.

Promises
- A message is durable here (`Basket.take` has returned) before its deletion is asked for, and is put down once, however
  often sessions break: what is known by its identity is not put down again, and what may go is not fetched again.
- The host has let go of a message when it has said +OK to QUIT, or no longer lists it; until then it is known.
- What came before a session broke is kept. A message at which one broke is fetched last and by itself the next time, so
  that it holds up no other.
- While one batch is decided about, the next is read, and the one after it comes.

Fails with `PopFailed` when the host cannot be used, with `TrackkitError` when mail cannot be put down here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Protocol, TypeVar

from trackkit.domain.replies import Failure, Stage
from trackkit.domain.tracking.mailbox import Listed
from trackkit.domain.tracking_options import Mailbox
from trackkit.domain.trust import Trust
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import PopAccount, Proof, Route
from trackkit.mail.transports.connecting import NotOpened, connected
from trackkit.mail.transports.handshake import Handshake, TlsContext, reason_of
from trackkit.mail.transports.maildrop import Maildrop
from trackkit.mail.transports.pop3 import PopFailed
from trackkit.services.fetching import Basket, Batch, Came

T = TypeVar("T")

BATCH_MESSAGES: Final = 200
BATCH_BYTES: Final = 8 * 1024 * 1024
"""Put down together, whatever sizes the host lists; `_AT_A_TIME` batches are in memory, each with at most one message
more than that."""

_AT_A_TIME: Final = 3
"""One that is decided about, one that is read, one that comes."""

SESSION_MESSAGES: Final = 5000
"""Fetched in one session, so that their deletion is not put off for ever."""


class Call(Protocol):
    """Runs the store's calls, in a thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """The call's result, or what it raises."""


@dataclass(slots=True)
class Session:
    """What a session has come to, also when it broke. `suspects`: the names of messages at which sessions broke."""

    suspects: set[str] = field(default_factory=set)
    fetched: int = 0
    removed: int = 0
    more: bool = False
    """There is more to be fetched at once."""

    def suspect(self, one: Listed) -> None:
        """It is fetched last from now on; one without a name cannot be told from the others."""
        if one.uidl:
            self.suspects.add(one.uidl)


async def opened(mailbox: Mailbox, trust: Trust, tls_context: TlsContext, conversation: Conversation) -> Maildrop:
    """A connection to the mailbox, logged in; `PopFailed`, with what the host has shown where that did not verify."""
    route = Route(
        host=mailbox.host,
        port=mailbox.port,
        encryption=mailbox.encryption,
        login=None,
        connect_timeout=mailbox.connect_timeout,
        conversation_timeout=mailbox.conversation_timeout,
        trust=trust,
    )
    if mailbox.encryption != "none" and trust.certificates:
        trusted = Handshake(replace(route, proof=Proof.trusted), tls_context)
        try:
            return await _opened(mailbox, trusted, conversation)
        except PopFailed:
            if not trusted.is_another:
                raise
            conversation.note("once more, to verify the certificate that the host shows now")
    return await _opened(mailbox, Handshake(route, tls_context), conversation)


async def _opened(mailbox: Mailbox, handshake: Handshake, conversation: Conversation) -> Maildrop:
    account = _account(mailbox)
    conversation.hide(mailbox.password.get_secret_value())

    def completed(certificate: bytes) -> None:
        conversation.reached(Stage.certificate, account.label)
        conversation.encrypted(certificate)

    handshake.completed = completed
    deadline = asyncio.get_running_loop().time() + mailbox.connect_timeout
    try:
        sock = await connected(account, deadline, conversation)
    except NotOpened as error:
        raise PopFailed(Failure.pop_unreachable, error.outcome.text) from None
    maildrop: Maildrop | None = None
    try:
        context = None if mailbox.encryption == "none" else await handshake.context()
        maildrop = Maildrop(account, context, conversation, handshake.route.proof)
        await maildrop.begin(sock, deadline)
        await maildrop.log_in()
    except BaseException as error:
        if maildrop is not None:
            maildrop.abort()
        sock.close()
        if isinstance(error, PopFailed) and error.verification is not None and handshake.chain:
            error.seen = handshake.refused(*reason_of(error.verification))
        raise
    return maildrop


def _account(mailbox: Mailbox) -> PopAccount:
    return PopAccount(
        host=mailbox.host,
        port=mailbox.port,
        encryption=mailbox.encryption,
        username=mailbox.username,
        password=mailbox.password,
        connect_timeout=mailbox.connect_timeout,
        conversation_timeout=mailbox.conversation_timeout,
    )


async def fetch(maildrop: Maildrop, basket: Basket, call: Call, session: Session) -> None:
    """Fetch what waits over a connection that is logged in, and take leave."""
    listed = await maildrop.look()
    plan = await call(partial(basket.looked, listed))
    chosen = plan.fetch[:SESSION_MESSAGES] if plan.named else plan.fetch
    delete = plan.delete | await _fetched(maildrop, basket, call, session, chosen)
    session.more = session.fetched > 0 and len(chosen) < len(plan.fetch)
    deleted = await maildrop.delete(sorted(delete))
    if not await maildrop.quit():
        deleted = []
    session.removed = len(deleted)
    left = len(plan.fetch) - session.fetched
    rows = [delete[number] for number in deleted]
    await call(partial(basket.finish, rows, left, complete=left == 0))


async def _fetched(
    maildrop: Maildrop, basket: Basket, call: Call, session: Session, chosen: Sequence[Listed]
) -> dict[int, int]:
    """Fetch these and put them down; what may be deleted."""
    delete: dict[int, int] = {}
    taking: deque[asyncio.Task[dict[int, int]]] = deque()
    turn = asyncio.Lock()

    async def take(batch: Batch) -> dict[int, int]:
        async with turn:  # in their order, which is that of asking for it
            finish = await call(partial(basket.take, batch))
        return await call(finish)

    try:
        for some in _batches(chosen, session.suspects):
            async for came in _came(maildrop, some, basket.rules.most, session):
                batch = await call(partial(basket.put_down, came))
                taking.append(asyncio.create_task(take(batch)))
                if len(taking) >= _AT_A_TIME:
                    delete |= await taking.popleft()
    except asyncio.CancelledError:
        for one in taking:
            one.cancel()
        raise
    finally:
        for taken in await asyncio.gather(*taking, return_exceptions=True):
            if isinstance(taken, BaseException):
                raise taken
            delete |= taken
    return delete


async def _came(maildrop: Maildrop, batch: Sequence[Listed], most: int, session: Session) -> AsyncIterator[list[Came]]:
    """What comes of a batch: all at once, but where it is more than the host has listed. Where it breaks, `PopFailed`
    after what came before."""
    came: list[Came] = []
    size = answered = 0
    try:
        async for got in maildrop.retrieve([one.number for one in batch], most):
            one = batch[answered]
            answered += 1
            if got.refused:
                session.suspect(one)
                continue
            session.suspects.discard(one.uidl)
            came.append(Came(one, got.size, got.raw))
            session.fetched += 1
            size += len(got.raw or b"")
            if size > BATCH_BYTES:
                yield came
                came, size = [], 0
    except PopFailed:
        if answered < len(batch):
            session.suspect(batch[answered])
        if came:
            yield came
        raise
    if came:
        yield came


def _batches(chosen: Sequence[Listed], suspects: set[str]) -> Iterator[list[Listed]]:
    """In the host's order; at the end one by one those that a session broke at."""
    batch: list[Listed] = []
    size = 0
    suspected = [one for one in chosen if one.uidl in suspects]
    for one in chosen:
        if one.uidl in suspects:
            continue
        if batch and (len(batch) >= BATCH_MESSAGES or size + one.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch
    yield from ([one] for one in suspected)

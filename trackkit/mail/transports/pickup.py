"""Mail into a pickup folder: each message one file, from which another mail server takes it.

Promises: a file is whole when it appears under its name, and on the disk (written in a folder beside, synced, then
renamed, and the folder synced); nothing that is there is ever replaced; the recipients have got it once the name is
there. What is wrong with the folder is a temporary outcome. Calls that hang are waited for for a bounded time.

Whoever takes the files has to have the right to read them and to remove them from the folder: they are readable by the
folder's group. Names are the queue id and what nobody can guess, and end in ``.eml``.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from trackkit.domain.addresses import needs_utf8
from trackkit.domain.message import Envelope, Following
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.blocking import Hangs, LeftAlone, Worker
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports.pickup_file import pickup_file
from trackkit.services.machine import Machine, NotUsable, pickup_folder, why

ASIDE: Final = ".trackkit"
"""The folder inside the pickup folder in which files are written; services take files from the latter only."""

OPEN_SECONDS: Final = 20.0
WRITE_SECONDS: Final = 120.0
_MODE: Final = 0o640
_LEFT_OVER_SECONDS: Final = 86_400
"""Older than this is what a write left behind that was cut short."""

_NO_LINKS: Final = (
    errno.EPERM,
    errno.EOPNOTSUPP,
    getattr(errno, "ENOTSUP", errno.EOPNOTSUPP),
    errno.ENOSYS,
    errno.EMLINK,
)
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class _NotCertain(Exception):
    """The file has its name, but it is not certain that it survives a power cut."""


def label_of(folder: str) -> str:
    """The folder as attempts and reports name it."""
    return f"the pickup folder {folder}"


async def connect(
    machine: Machine, folder: str, left_alone: LeftAlone, conversation: Conversation
) -> PickupConnection | Outcome:
    """Make sure of the folder, or the outcome for every recipient, whose text does not name it: senders may read it."""
    worker = None
    try:
        reason = left_alone.hinders(time.monotonic())
        if not reason:
            worker = Worker("pickup", left_alone)
            await worker(partial(_prepare, machine, folder), OPEN_SECONDS)
            conversation.note(f"mail goes into {label_of(folder)}")
            return PickupConnection(machine, folder, worker, conversation)
    except NotUsable as refused:
        reason = f"it {refused}"
    except Hangs:
        reason = f"it did not answer within {OPEN_SECONDS:.0f} seconds"
    except OSError as error:
        reason = why(error)
    except BaseException:
        if worker is not None:
            worker.close()
        raise
    if worker is not None:
        worker.close()
    conversation.note(reason)
    return _trouble(Stage.connect, reason)


class PickupConnection:
    """A folder that was there a moment ago; each message looks anew."""

    def __init__(self, machine: Machine, folder: str, worker: Worker, conversation: Conversation) -> None:
        self._machine, self._folder, self._worker = machine, folder, worker
        self.conversation = conversation
        self.label = label_of(folder)
        self.host = folder
        self.over = False
        self._used = False

    @property
    def usable(self) -> bool:
        """Whether another message may be put into it."""
        return not self.over

    async def deliver(
        self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome], following: Following | None = None
    ) -> bool:
        """Put a message into the folder; as `trackkit.mail.way.Connection.deliver`."""
        if self._used:
            self.conversation = self.conversation.fresh()
        self._used = True
        everybody = envelope.rcpt_tos if needs_utf8(envelope.mail_from) else ()
        refused = {a: _not_taken(envelope.mail_from, a) for a in everybody or filter(needs_utf8, envelope.rcpt_tos)}
        outcomes.update(refused)
        left = tuple(address for address in envelope.rcpt_tos if address not in refused)
        if left:
            outcome = await self._put(Envelope(envelope.mail_from, left, queue_id=envelope.queue_id), raw, outcomes)
            self.conversation.note(outcome.text)
            outcomes.update(dict.fromkeys(left, outcome))
        return True

    async def close(self) -> None:
        """Let the folder be."""
        self.abort()

    def abort(self) -> None:
        """Let the folder be."""
        self.over = True
        self._worker.close()

    async def _put(self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome]) -> Outcome:
        name = f"{envelope.queue_id or 'mail'}-{secrets.token_hex(16)}.eml"
        work = partial(_write, self._machine, self._folder, name, partial(pickup_file, envelope, raw))
        try:
            await self._worker(work, WRITE_SECONDS)
        except Hangs:
            self.over = True
            words = f"the pickup folder did not answer within {WRITE_SECONDS:.0f} seconds; {name} may be there"
            return Outcome(Verdict.unknown, Stage.final_dot, Failure.pickup_folder, text=words)
        except _NotCertain as error:
            return Outcome(Verdict.unknown, Stage.final_dot, Failure.pickup_folder, text=str(error))
        except NotUsable as refused:
            return _trouble(Stage.data, f"it {refused}")
        except OSError as error:
            return _trouble(Stage.data, f"it cannot be written to: {why(error)}")
        except asyncio.CancelledError:
            self.over = True
            words = "the server stopped before the pickup folder had answered"
            unknown = Outcome(Verdict.unknown, Stage.final_dot, Failure.interrupted, text=words)
            outcomes.update(dict.fromkeys(envelope.rcpt_tos, unknown))
            raise
        return Outcome(Verdict.accepted, Stage.final_dot, None, 250, "", f"handed to {self._folder} as {name}")


def _trouble(stage: Stage, text: str) -> Outcome:
    return Outcome(Verdict.temporary, stage, Failure.pickup_folder, text=text)


def _not_taken(mail_from: str, address: str) -> Outcome:
    """Fields of an envelope in a file are ASCII: nothing says in which other way they would be read."""
    stage, bad = (Stage.sender, mail_from) if needs_utf8(mail_from) else (Stage.recipient, address)
    text = f"{bad} holds characters other than ASCII before the @, which a pickup folder does not take"
    return Outcome(Verdict.permanent, stage, Failure.pickup_folder, 553, "5.6.7", text)


def _prepare(machine: Machine, folder: str) -> None:
    """In the worker's thread: the folder is there and allowed, files can be written beside, left-overs are gone."""
    aside = _aside(pickup_folder(machine, folder))
    oldest = time.time() - _LEFT_OVER_SECONDS
    for entry in os.scandir(aside):
        with suppress(FileNotFoundError):  # others write and remove there, too
            if entry.name.endswith(".eml") and entry.stat(follow_symlinks=False).st_mtime < oldest:
                os.unlink(entry.path)


def _aside(folder: Path) -> Path:
    aside = folder / ASIDE
    with suppress(FileExistsError):
        aside.mkdir(mode=0o700)
    if not stat.S_ISDIR(aside.lstat().st_mode):
        raise NotUsable(f"holds something named {ASIDE} that is no folder, so mail cannot be written there")
    return aside


def _write(machine: Machine, folder: str, name: str, content: Callable[[], bytes]) -> None:
    """In the worker's thread: the file under its name, whole and on the disk, or nothing."""
    into = pickup_folder(machine, folder)
    aside = _aside(into) / name
    try:
        file = os.open(aside, _FLAGS, _MODE)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(file, _MODE)  # the process writes for its owner alone otherwise
            left = memoryview(content())
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
        _name(aside, into / name)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    try:
        _sync(into)
    except OSError as error:
        raise _NotCertain(f"the pickup folder has taken {name}, but did not confirm it: {why(error)}") from error


def _name(aside: Path, final: Path) -> None:
    """Give a file its name, if nothing has it. Windows's rename refuses by itself; elsewhere a second name does."""
    if os.name == "nt":
        aside.rename(final)
        return
    try:
        os.link(aside, final)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, "something has that name already") from None
        aside.rename(final)
        return
    with suppress(OSError):  # the mail is there; the other name goes after a day
        aside.unlink()


def _sync(folder: Path) -> None:
    """A name is on the disk when its folder is; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

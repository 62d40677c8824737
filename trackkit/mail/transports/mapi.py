"""Mail by MAPI: each message is handed to the mail program of this machine.

Promises: calls are made one at a time, all of a session in one thread; a call that hangs is waited for for a bounded
time, and what it was for is `Verdict.unknown` then; attachments lie in a folder for their message alone, which is gone
afterwards; a recipient that the address book does not know fails alone. The password is in no text.

On a recipient's trouble MAPI sends nothing and does not say whose it was: each is tried alone then.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trackkit.domain.mapi import INVALID_SESSION, SUCCESS, outcome_of_code
from trackkit.domain.message import Envelope, Following
from trackkit.domain.notices import may_be_told
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.blocking import Hangs, LeftAlone, Worker
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports.mapi_letter import content_of, letter, recipients_of
from trackkit.mail.transports.mapi_library import MapiLibrary, Recipient
from trackkit.services.machine import NEEDS_WINDOWS, why

if TYPE_CHECKING:
    from trackkit.mail.way import MapiLogin

LOGIN_SECONDS: Final = 60.0
SEND_SECONDS: Final = 180.0
SHOWN_SECONDS: Final = 1800.0
"""How long a person has to send a mail in the window."""

_LEAVE_SECONDS: Final = 10.0


class _Crashed(Exception):
    """The library broke off in the middle of a call."""


def label_of(login: MapiLogin) -> str:
    """MAPI as attempts and reports name it."""
    return f"MAPI, profile {login.profile}" if login.profile else "MAPI"


async def connect(
    library: str, login: MapiLogin, one_call: asyncio.Lock, left_alone: LeftAlone, conversation: Conversation
) -> MapiConnection | Outcome:
    """Log in, or the outcome for every recipient.

    Parameters
    ----------
    library: its path; empty = there is none on this machine.
    one_call: is held while a call is made.
    """
    password = login.password.get_secret_value() if login.password else ""
    conversation.hide(password)
    if not library:
        conversation.note(NEEDS_WINDOWS)
        return Outcome(Verdict.temporary, Stage.configuration, Failure.no_mapi, text=NEEDS_WINDOWS)
    async with one_call:
        if hindrance := left_alone.hinders(time.monotonic()):
            return _noted(conversation, Outcome(Verdict.temporary, Stage.login, Failure.mapi_failed, text=hindrance))
        worker = Worker("mapi", left_alone)
        try:
            opened = await worker(partial(_log_in, library, login.profile or "", password), LOGIN_SECONDS)
        except Hangs:
            text = f"the log-in took longer than {LOGIN_SECONDS:.0f} seconds: a window may wait on the server machine"
            opened = Outcome(Verdict.temporary, Stage.login, Failure.mapi_failed, text=text)
        except OSError as error:
            text = f"MAPI cannot be used: {conversation.clean(why(error))}"
            opened = Outcome(Verdict.temporary, Stage.configuration, Failure.no_mapi, text=text)
        except BaseException:
            worker.close()
            raise
    if isinstance(opened, Outcome):
        worker.close()
        return _noted(conversation, opened)
    conversation.note(f"logged in to {label_of(login)}")
    return MapiConnection(opened, login, worker, one_call, conversation)


def _noted(conversation: Conversation, outcome: Outcome) -> Outcome:
    conversation.note(outcome.text)
    return outcome


def _log_in(library: str, profile: str, password: str) -> tuple[MapiLibrary, int] | Outcome:
    """In the worker's thread. No window may ask: mail is sent unattended."""
    mapi = MapiLibrary(library)
    code, session = mapi.logon(profile, password, may_ask=False)
    return (mapi, session) if code == SUCCESS else outcome_of_code(code, Stage.login)


class MapiConnection:
    """A session."""

    def __init__(
        self,
        opened: tuple[MapiLibrary, int],
        login: MapiLogin,
        worker: Worker,
        one_call: asyncio.Lock,
        conversation: Conversation,
    ) -> None:
        self._mapi, self._session = opened
        self._login, self._worker, self._one_call = login, worker, one_call
        self.conversation = conversation
        self.label = self.host = label_of(login)
        self.over = False
        self._used = False

    @property
    def usable(self) -> bool:
        """Whether another message may be sent in it."""
        return not self.over

    async def deliver(
        self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome], following: Following | None = None
    ) -> bool:
        """Send a message; as `trackkit.mail.way.Connection.deliver`."""
        if self._used:
            self.conversation = self.conversation.fresh()
        self._used = True
        # Who is not told of failures is not shown a window either: it is automatic mail.
        show = self._login.show_window and may_be_told(envelope.mail_from, raw)
        to = recipients_of(raw, envelope.rcpt_tos)
        outcome = await self._send(raw, to, show, outcomes)
        if outcome.failure is not Failure.mapi_recipient or len(to) == 1:
            outcomes.update(dict.fromkeys(envelope.rcpt_tos, outcome))
            return True
        self.conversation.note("each recipient is tried alone")
        for one in to:
            if self.over:  # the others have not been tried: another session will tell
                break
            outcomes[one.name] = await self._send(raw, (one,), show, outcomes)
        return True

    async def close(self) -> None:
        """Log off, but not for long."""
        try:
            if not self.over:
                async with self._one_call:
                    await self._worker(self._log_off, _LEAVE_SECONDS)
        except Hangs:
            self.conversation.note("logging off hangs")
        except OSError as error:
            self.conversation.note(f"logging off failed: {why(error)}")
        finally:
            self.over = True
            self._worker.close()

    def abort(self) -> None:
        """Be done with it; the thread logs off by itself, once it can."""
        self.over = True
        self._worker.close(self._log_off)

    def _log_off(self) -> int:
        return self._mapi.logoff(self._session)

    async def _send(self, raw: bytes, to: tuple[Recipient, ...], show: bool, outcomes: dict[str, Outcome]) -> Outcome:
        """The outcome for these recipients, which is written down, too."""
        async with self._one_call:  # who is cancelled before its turn was not sent to
            outcome = await self._outcome(raw, to, show, outcomes)
        names = ", ".join(one.name for one in to[:5]) + (f" and {len(to) - 5} more" if len(to) > 5 else "")
        self.conversation.note(f"{names}: {outcome.text}")
        return outcome

    async def _outcome(
        self, raw: bytes, to: tuple[Recipient, ...], show: bool, outcomes: dict[str, Outcome]
    ) -> Outcome:
        work = partial(_hand_over, self._mapi, self._session, raw, to, show)
        seconds = SHOWN_SECONDS if show else SEND_SECONDS
        try:
            code = await self._worker(work, seconds)
        except Hangs:
            self.over = True
            text = f"the mail program did not answer within {seconds:.0f} seconds; it may have sent the mail"
            return Outcome(Verdict.unknown, Stage.final_dot, Failure.mapi_failed, text=text)
        except _Crashed as error:
            self.over = True
            text = f"the mail program broke off ({error}); it may have sent the mail"
            return Outcome(Verdict.unknown, Stage.final_dot, Failure.mapi_failed, text=text)
        except OSError as error:
            text = f"the attachments cannot be written: {why(error)}"
            return Outcome(Verdict.temporary, Stage.data, Failure.mapi_failed, text=text)
        except asyncio.CancelledError:
            self.over = True
            text = "the server stopped before the mail program had answered"
            unknown = Outcome(Verdict.unknown, Stage.final_dot, Failure.interrupted, text=text)
            outcomes.update({one.name: unknown for one in to})
            raise
        self.over = self.over or code == INVALID_SESSION
        if code == SUCCESS:
            return Outcome(Verdict.accepted, Stage.final_dot, None, 250, "", f"handed to {self.label}")
        return outcome_of_code(code, Stage.final_dot, shown=show)


def _hand_over(mapi: MapiLibrary, session: int, raw: bytes, to: tuple[Recipient, ...], show: bool) -> int:
    """In the worker's thread: MAPI's code."""
    # What cannot be removed afterwards is no reason to send the mail again.
    with tempfile.TemporaryDirectory(prefix="trackkit-mapi-", ignore_cleanup_errors=True) as folder:
        ready = letter(content_of(raw), to, Path(folder))
        try:
            return mapi.send(session, ready, show=show)
        except OSError as error:  # how `ctypes` tells of a fault inside the library
            raise _Crashed(why(error)) from error

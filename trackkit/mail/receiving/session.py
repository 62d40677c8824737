"""One client's conversation (RFC 5321), from the greeting to the leave.

Promises
- 250 after the final dot is said when the message is on disk, and never otherwise.
- Without the log-in that the options ask for no MAIL is taken; log-in needs TLS (RFC 4954 §4).
- Nothing that came before TLS counts after it, and nothing that was sent as part of a message is obeyed as a command:
  a client that sends on after STARTTLS, or after a DATA that is refused, is shown out.
- A client that is silent, endless, or makes nothing but mistakes is shown out, too.

Fails in no way of its own: what the client does wrong it is told, what the server does wrong goes to the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from trackkit.domain import smtp_commands
from trackkit.domain.listener import login_needed
from trackkit.domain.log import Severity
from trackkit.domain.message import MAXIMUM_RECIPIENTS
from trackkit.domain.smtp_commands import Refusal, Reply
from trackkit.domain.trace import Arrival
from trackkit.mail.receiving import logging_in
from trackkit.mail.receiving.content import Content
from trackkit.mail.receiving.house import House
from trackkit.mail.receiving.intake import Arrived, Intake
from trackkit.mail.receiving.wire import Gone, Interrupted, LineTooLong, Wire
from trackkit.services.relaying import Login

IDLE_SECONDS = 300.0
"""RFC 5321 §4.5.3.2.7: how long the next command, or the next piece of a message, may take."""
STRANGER_SECONDS = 120.0
"""Where log-in is needed: how long a client may stay without."""
MESSAGE_SECONDS = 3600.0
"""How long a whole message may take to arrive."""
TLS_SECONDS = 30.0
MOST_MISTAKES = 20
MOST_FAILED_LOGINS = 3
_ENDLESS = 2
"""So many times the maximum size are read of a message before the connection is closed."""

_BROWSERS = frozenset(("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"))
"""A web page can make a browser on this machine say these, and mail commands behind them."""

OK = Reply(250, "2.0.0", "Ok")
SENDER_OK, RECIPIENT_OK = Reply(250, "2.1.0", "Ok"), Reply(250, "2.1.5", "Ok")
OUT_OF_STEP = Reply(554, "5.5.0", "You sent on before you were answered")


class Leave(Exception):
    """The conversation is over after this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class Session:
    """Run it once."""

    def __init__(self, wire: Wire, house: House, intake: Intake) -> None:
        self.wire = wire
        self.house = house
        self._intake = intake
        self.helo = ""
        self.extended = False
        self.login: Login | None = None
        self._failed_logins = 0
        self._peer = wire.peer
        self._began = asyncio.get_running_loop().time()
        self._mistakes = 0
        self._sender: str | None = None
        self._recipients: dict[str, None] = {}

    async def run(self) -> None:
        """Talk until one side has had enough."""
        name, wire = self.house.name, self.wire
        try:
            wire.say(f"220 {name} ESMTP trackkit")
            while True:
                await self._obey(await wire.line(self._patience(), self._obey_at_once))
        except Leave as leave:
            wire.say(leave.reply)
        except TimeoutError:
            wire.say(Reply(421, "4.4.2", f"{name} waited too long"))
        except Interrupted:
            wire.say(Reply(421, "4.3.2", f"{name} is closing this connection"))
        except LineTooLong:
            wire.say(Reply(500, "5.5.2", "The line is too long"))
        except Gone:
            pass
        except Exception as error:  # noqa: BLE001 - told, and the client tries again
            words = f"A mail client's conversation failed: {type(error).__name__}: {error}"
            self.house.tell(Severity.error, "defect", words, address=self._peer)
            wire.say(Reply(421, "4.3.0", f"{name} has an internal trouble"))
        finally:
            wire.close()

    async def answer(self) -> bytes:
        """The line a client says when it was asked something within a command."""
        return await self.wire.line(self._patience())

    @property
    def in_transaction(self) -> bool:
        """Whether a mail has been begun."""
        return self._sender is not None

    def failed_login(self, reply: Reply) -> None:
        """Count one; whoever fails again and again is shown out."""
        self._failed_logins += 1
        if self._failed_logins >= MOST_FAILED_LOGINS:
            self.wire.say(reply)
            raise Leave(Reply(421, "4.7.0", "Too many failed log-ins"))

    def _patience(self) -> float:
        """Seconds for the next line."""
        if self.login is not None or not login_needed(self.house.options):
            return IDLE_SECONDS
        return max(STRANGER_SECONDS - (asyncio.get_running_loop().time() - self._began), 0.0)

    def _obey_at_once(self, line: bytes) -> float | None:
        """Do what a line says if it waits for nothing and nothing is wrong with it; how long the next one may take."""
        try:
            verb, argument = smtp_commands.command(line)
            do = _AT_ONCE.get(verb)
            if do is None:
                return None
            self.wire.say(do(self, argument))
        except Exception:  # noqa: BLE001 - it is done again, by who tells the client, or the log
            return None
        return self._patience()

    async def _obey(self, line: bytes) -> None:
        """Do what one line says, and reply."""
        try:
            verb, argument = smtp_commands.command(line)
            if verb in _BROWSERS:
                words = "A web browser, or something that talks like one, was sent to the SMTP listener."
                self.house.tell(Severity.unusual_activity, f"browser {self._peer}", words, address=self._peer)
                raise Leave(Reply(521, "5.5.0", "This is a mail server"))
            do = _COMMANDS.get(verb)
            if do is None:
                raise Refusal(500, "5.5.1", "That command is not known here")
            done = do(self, argument)
            reply = done if isinstance(done, Reply | str) else await done  # it waits for something
        except Refusal as refusal:
            reply = refusal.reply
        if reply is None:
            return
        self.wire.say(reply)
        # Not 503: who pipelines gets one for each recipient of a refused sender.
        self._mistakes += isinstance(reply, Reply) and reply.code == 500
        if self._mistakes > MOST_MISTAKES:
            raise Leave(Reply(421, "4.7.0", "Too many mistakes"))

    # Commands: each gives its reply, or none when it has replied -----------------------------------------------------

    def _ehlo(self, argument: str) -> str:
        self._greeted(argument, extended=True)
        last = "AUTH PLAIN LOGIN" if self.wire.encrypted else "STARTTLS"
        offers = (self.house.name, "PIPELINING", f"SIZE {self.house.most_octets}", "8BITMIME", "ENHANCEDSTATUSCODES")
        return "\r\n".join((*(f"250-{offer}" for offer in offers), f"250 {last}"))

    def _helo(self, argument: str) -> Reply:
        self._greeted(argument, extended=False)
        return Reply(250, "", self.house.name)

    def _greeted(self, name: str, *, extended: bool) -> None:
        if not name:
            raise Refusal(501, "5.5.4", "Say your name, too")
        self.helo, self.extended = name, extended
        self._forget()

    def _mail(self, argument: str) -> Reply:
        if not self.helo:
            raise Refusal(503, "5.5.1", "Say EHLO first")
        if self.login is None and login_needed(self.house.options):
            raise Refusal(530, "5.7.0", "Log in first" if self.wire.encrypted else "STARTTLS first, then log in")
        if self._sender is not None:
            raise Refusal(503, "5.5.1", "There is a sender already")
        sender = smtp_commands.sender(argument)
        if sender.size > self.house.most_octets:
            return self.house.too_large(self._peer)
        self._sender = sender.address
        return SENDER_OK

    def _rcpt(self, argument: str) -> Reply:
        if self._sender is None:
            raise Refusal(503, "5.5.1", "Say MAIL first")
        address = smtp_commands.recipient(argument)
        if address not in self._recipients and len(self._recipients) >= MAXIMUM_RECIPIENTS:
            raise Refusal(452, "4.5.3", f"Too many recipients; {MAXIMUM_RECIPIENTS:,} at a time")
        self._recipients[address] = None
        return RECIPIENT_OK

    async def _data(self, argument: str) -> Reply:
        refusal = None
        if argument:
            refusal = Refusal(501, "5.5.4", "DATA takes nothing")
        elif not self._recipients:
            refusal = Refusal(503, "5.5.1", "Say MAIL and RCPT first")
        if refusal is not None:
            if self.wire.unread:  # lines of a message, which are no commands
                raise Leave(OUT_OF_STEP)
            raise refusal
        self.wire.say("354 End data with <CR><LF>.<CR><LF>")
        sender, recipients = self._sender or "", tuple(self._recipients)
        self._forget()
        return await self._message(sender, recipients)

    def _rset(self, argument: str) -> Reply:
        self._forget()
        return OK

    def _noop(self, argument: str) -> Reply:
        return OK

    def _quit(self, argument: str) -> Reply:
        raise Leave(Reply(221, "2.0.0", "Bye"))

    def _vrfy(self, argument: str) -> Reply:
        return Reply(252, "2.1.5", "Send it, then it is known whether it arrives")

    def _help(self, argument: str) -> Reply:
        return Reply(214, "2.0.0", f"Commands: {' '.join(_COMMANDS)}")

    async def _starttls(self, argument: str) -> Reply | None:
        if argument:
            raise Refusal(501, "5.5.4", "STARTTLS takes nothing")
        if self.wire.encrypted:
            raise Refusal(503, "5.5.1", "This is encrypted already")
        if self.wire.unread:
            raise Leave(OUT_OF_STEP)
        self.wire.say(Reply(220, "2.0.0", "Ready to start TLS"))
        await self.wire.encrypt(self.house.tls, TLS_SECONDS)
        self.helo, self.extended = "", False
        self._forget()
        return None

    # A message -------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._sender, self._recipients = None, {}

    async def _message(self, sender: str, recipients: tuple[str, ...]) -> Reply:
        """Read a message to its end and store it."""
        content, held, full, rest = Content(self.house.most_octets), 0, False, None
        deadline = asyncio.get_running_loop().time() + MESSAGE_SECONDS
        try:
            while rest is None:
                left = deadline - asyncio.get_running_loop().time()
                rest = content.feed(await self.wire.some(min(IDLE_SECONDS, left)))
                if content.seen > _ENDLESS * self.house.most_octets:
                    raise Leave(self.house.too_large(self._peer))
                grown = content.held - held
                if self.house.take_room(grown):
                    held += grown
                elif not full:
                    full = True
                    content.drop()
            self.wire.put_back(rest)
            if full:
                words = "More mail was arriving at once than there is memory for; clients were asked to come again."
                self.house.tell(Severity.warning, "room", words)
                return Reply(452, "4.3.1", "Too much mail at once; try again")
            if content.too_large:
                return self.house.too_large(self._peer)
            return await self._intake.store(Arrived(sender, recipients, content, self._arrival(), self.login))
        finally:
            self.house.give_room(held)

    def _arrival(self) -> Arrival:
        return Arrival(
            self.helo, self._peer, self.house.name, self.wire.encrypted, self.login is not None, self.extended
        )


_AT_ONCE: Final[dict[str, Callable[[Session, str], Reply | str]]] = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "RSET": Session._rset,
    "NOOP": Session._noop,
}
_COMMANDS: Final[dict[str, Callable[[Session, str], Reply | str | Coroutine[Any, Any, Reply | None]]]] = {
    **_AT_ONCE,
    "DATA": Session._data,
    "QUIT": Session._quit,
    "VRFY": Session._vrfy,
    "HELP": Session._help,
    "STARTTLS": Session._starttls,
    "AUTH": logging_in.auth,
}

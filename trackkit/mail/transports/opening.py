"""From a route to an open, encrypted, logged-in connection: greeting, EHLO, STARTTLS, log-in.

`connecting` makes the socket, aiosmtplib speaks up to here; then the connection is handed to `Wire`. Promises: whenever
encryption is used, the certificate proves what the route asks for; after a failed verification, or when encryption is
missing that was asked for, nothing more is sent; a password goes over an unencrypted connection only where encryption
is ``none``, an administrator's explicit choice.

Fails with `NotOpened`, carrying the outcome for whatever was to be sent. It never leaves `trackkit.mail.transports`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, cast

import aiosmtplib
from aiosmtplib.typing import Default

from trackkit.domain import reasons
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, outcome_of
from trackkit.domain.smtp_options import SMTP_PORTS
from trackkit.domain.trust import WORDS, Reason
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Login, Proof, Route
from trackkit.mail.transports.connecting import NotOpened, connected
from trackkit.mail.transports.handshake import Handshake, TlsContext, reason_of
from trackkit.mail.transports.logging_in import NoLogin, log_in
from trackkit.mail.transports.proof import shown, tlsa_problem
from trackkit.mail.transports.wire import Wire


@dataclass(frozen=True, slots=True)
class Opened:
    """An open connection and what the host offers (names of EHLO in lower case, with their parameters)."""

    wire: Wire
    extensions: Mapping[str, str]
    description: str
    """In a few words, for the conversations of later messages."""
    encrypted: bool


class RecordingSMTP(aiosmtplib.SMTP):
    """aiosmtplib's client, writing down every command and reply; what belongs to a log-in is masked."""

    def __init__(self, conversation: Conversation, route: Route, sock: socket.socket, name: str) -> None:
        super().__init__(
            hostname=route.host,
            sock=sock,
            local_hostname=name,
            timeout=route.conversation_timeout,
            use_tls=route.encryption == "tls",
            start_tls=False,
        )
        self._conversation = conversation
        self._logging_in = False

    async def execute_command(
        self, *args: bytes, timeout: float | Literal[Default.token] | None = Default.token
    ) -> aiosmtplib.SMTPResponse:
        """Send a command, return its reply."""
        self._record(args)
        response = await super().execute_command(*args, timeout=timeout)
        if self._logging_in and response.code == aiosmtplib.SMTPStatus.auth_continue:
            self._conversation.received_secret(response.code)
            return response
        self._logging_in = False
        self._conversation.received(response.code, response.message)
        return response

    def close(self) -> None:
        """Close at once: a graceful end of TLS would wait half a minute for a silent host."""
        if self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()
        super().close()

    def _record(self, args: tuple[bytes, ...]) -> None:
        words = [arg.decode("ascii", "replace") for arg in args]
        if words[0] == "AUTH":
            self._logging_in = True
            shown, secrets = words[:2], words[2:]
        elif self._logging_in:
            shown, secrets = [], words
        else:
            shown, secrets = words, []
        for secret in secrets:
            self._conversation.hide_response(secret)
        self._conversation.sent(" ".join([*shown, *("***" for _ in secrets)]))


async def open_connection(
    route: Route, tls_context: TlsContext, name: str, conversation: Conversation, tokens: AccessTokens | None = None
) -> Opened:
    """Open a connection along `route`.

    Parameters
    ----------
    tls_context: makes a verifying context.
    name: what to say in EHLO.
    conversation: where to write everything down.
    tokens: where access tokens come from, for a log-in that needs one.

    Raises `NotOpened`.
    """
    if route.encryption != "none" and route.proof is Proof.authority and route.trust.certificates:
        trusted = Handshake(replace(route, proof=Proof.trusted), tls_context)
        try:
            return await _open(trusted, name, conversation, tokens)
        except NotOpened:
            if not trusted.is_another:
                raise
            conversation.note("once more, to verify the certificate that the host shows now")
    return await _open(Handshake(route, tls_context), name, conversation, tokens)


async def _open(handshake: Handshake, name: str, conversation: Conversation, tokens: AccessTokens | None) -> Opened:
    """A connection with that handshake."""
    try:
        return await _opened(handshake, name, conversation, tokens)
    except NotOpened as error:
        conversation.refused(error.outcome)
        raise


async def _opened(handshake: Handshake, name: str, conversation: Conversation, tokens: AccessTokens | None) -> Opened:
    route = handshake.route
    context = await handshake.context() if route.encryption == "tls" else None
    deadline = asyncio.get_running_loop().time() + route.connect_timeout
    sock = await connected(route, deadline, conversation)
    client = RecordingSMTP(conversation, route, sock, name)
    client.tls_context = context
    opening = _Opening(handshake, client, conversation)
    try:
        await opening.greeting(deadline)
        await opening.hello()
        if route.encryption.startswith("starttls"):
            await opening.starttls()
        if route.login is not None:
            await opening.login(route.login, tokens)
        transport = client.transport
        if transport is None or transport.is_closing():
            raise opening.failed(Failure.dropped, "the host closed the connection")
        extensions = dict(client.esmtp_extensions)
        wire = Wire(cast(asyncio.Transport, transport), route.conversation_timeout, conversation)
    except BaseException:
        client.close()
        raise
    return Opened(wire, extensions, opening.description, opening.encrypted)


class _Opening:
    """The steps on one connection, each knowing its stage; aiosmtplib's errors become `NotOpened` here."""

    def __init__(self, handshake: Handshake, client: RecordingSMTP, conversation: Conversation) -> None:
        self._handshake, self._route = handshake, handshake.route
        self._client = client
        self._conversation = conversation
        self._stage = Stage.greeting
        self.encrypted = False
        handshake.completed = self._handshake_done

    @property
    def description(self) -> str:
        """What kind of connection it became."""
        return f"encrypted, {self._route.proof}" if self.encrypted else "not encrypted"

    async def greeting(self, deadline: float) -> None:
        """TLS from the start where the route wants it, then the host's 220."""
        silent = f"the host did not greet within {self._route.connect_timeout:g} seconds"
        self._reached(Stage.starttls if self._route.encryption == "tls" else Stage.greeting)
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.connect(timeout=None)
        except TimeoutError:
            raise self.failed(Failure.timed_out, silent) from None
        except aiosmtplib.SMTPException as error:
            raise self._translated(error) from None
        self.encrypted = self._route.encryption == "tls"
        if self.encrypted:
            self._check_encryption()
        self._conversation.received(response.code, response.message)

    async def hello(self) -> None:
        """EHLO, or HELO where the host knows no EHLO (RFC 5321 §3.2)."""
        self._stage = Stage.ehlo
        self._reached(Stage.ehlo)
        try:
            try:
                await self._client.ehlo()
            except aiosmtplib.SMTPHeloError:
                if not self._client.is_connected:
                    raise
                await self._client.helo()
        except aiosmtplib.SMTPException as error:
            raise self._translated(error) from None

    async def starttls(self) -> None:
        """Encrypt if the host offers it; when it does not, that is a failure only if encryption is required.

        A host that offers it and then refuses, or fails to prove who it is, is not talked to openly on this connection.
        """
        self._stage = Stage.starttls
        offered = self._client.supports_extension("starttls")
        if not offered and self._route.encryption != "starttls":
            return
        self._reached(Stage.starttls)
        if not offered:
            raise self.failed(Failure.tls_not_offered, "the host does not offer STARTTLS; nothing was sent")
        self._client.tls_context = await self._handshake.context()
        self._conversation.sent("STARTTLS")
        try:
            response = await self._client.starttls()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._translated(error) from None
        self._conversation.received(response.code, response.message)
        self.encrypted = True
        self._check_encryption()
        await self.hello()

    async def login(self, login: Login, tokens: AccessTokens | None) -> None:
        """Log in, unless the line is open without anybody having chosen that."""
        self._stage = Stage.login
        self._reached(Stage.login)
        if not self.encrypted and self._route.encryption != "none":
            raise self.failed(
                Failure.login_not_offered,
                "the host offers no encryption, and a password is sent unencrypted only where encryption is 'none'",
            )
        try:
            await log_in(self._client, login, tokens, self._conversation, encrypted=self.encrypted)
        except NoLogin as none:
            refused = self.failed(none.failure, none.text)
            raise NotOpened(replace(refused.outcome, reason=none.reason)) from None
        except aiosmtplib.SMTPException as error:
            raise self._translated(error) from None

    def _reached(self, stage: Stage) -> None:
        self._conversation.reached(stage, self._route.label)

    def _handshake_done(self, certificate: bytes) -> None:
        self._reached(Stage.certificate)
        self._conversation.encrypted(certificate)
        if self._route.encryption == "tls":  # the greeting is still to come
            self._reached(Stage.greeting)

    def failed(self, failure: Failure, text: str) -> NotOpened:
        """The end, in our words."""
        self._conversation.note(text)
        openly = self._stage is Stage.greeting and self._route.port == SMTP_PORTS["tls"]
        reason = reasons.Reason.port_wants_tls if openly and self._route.encryption != "tls" else None
        return NotOpened(
            Outcome(Verdict.temporary, self._stage, failure, text=self._conversation.clean(text), reason=reason)
        )

    def _translated(self, error: Exception) -> NotOpened:
        """What aiosmtplib or OpenSSL raised, as an outcome."""
        reason = error.__cause__ if isinstance(error.__cause__, OSError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            why, details = reason_of(reason)
            return self._untrusted(why, details, f"{WORDS[why]} ({details})")
        if isinstance(reason, ssl.SSLError):
            return self.failed(Failure.tls_failed, f"the encryption could not be set up: {reason.reason or reason}")
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self._refused(error.code, error.message)
        if isinstance(error, aiosmtplib.SMTPTimeoutError):
            silent = f"the host did not answer within {self._route.conversation_timeout:g} seconds"
            return self.failed(Failure.timed_out, silent)
        if isinstance(reason, OSError):
            return self.failed(Failure.dropped, f"the host closed the connection ({reason})")
        return self.failed(Failure.garbled, str(error))

    def _untrusted(self, reason: Reason, details: str, text: str) -> NotOpened:
        """The certificate does not prove what it has to; the trust manager gets what the host has shown."""
        self._stage = Stage.certificate
        refused = self.failed(Failure.tls_untrusted, text)
        seen = self._handshake.refused(reason, details)
        early = reasons.Reason.not_valid_yet if reason is Reason.not_yet_valid else None
        return NotOpened(replace(refused.outcome, certificate=seen, reason=early))

    def _refused(self, code: int, message: str) -> NotOpened:
        if code == aiosmtplib.SMTPStatus.invalid_response:
            return self.failed(Failure.garbled, f"the host answered something that is no SMTP reply: {message}")
        if not 400 <= code < 600:
            return self.failed(Failure.garbled, f"the host answered what makes no sense here: {code} {message}")
        outcome = outcome_of(self._stage, code, self._conversation.clean(message))
        if self._stage in (Stage.greeting, Stage.starttls):
            self._conversation.received(code, message)
        return NotOpened(outcome)

    def _check_encryption(self) -> None:
        """Compare what the host has shown with what its domain published, and write down what came of it."""
        route = self._route
        if route.proof is Proof.dane:
            tls = self._client.get_transport_info("ssl_object")
            if problem := tlsa_problem(tls, route.tlsa, route.host):
                self._handshake.chain = tuple(shown(tls))
                raise self._untrusted(Reason.not_published, problem, f"{route.host}: {problem}")
        with suppress(aiosmtplib.SMTPException):
            cipher = self._client.get_transport_info("cipher")
            whom = "" if route.proof is Proof.nothing else f" for {route.host}"
            self._conversation.note(f"encrypted with {cipher[1]}, {route.proof}{whom}")

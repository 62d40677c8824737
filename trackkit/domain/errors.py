"""Every error trackkit raises on purpose, in one tree.

Each class has a stable ``code``; the same class comes out of the client that went into the server.
An error says what happened to what (``message``) and what to do (``advice``); ``problems`` names the
fields that were refused. Nothing secret is ever put into one.

    TrackkitError
    ├── InvalidInput                 a value was refused; nothing was changed
    │   ├── MessageTooLarge
    │   ├── ImportRefused            rows of an import were refused; each is a problem named ``row.column``
    │   ├── SerialMistyped           a license's serial was typed wrong
    │   ├── SerialForged             it was typed right and signed by a stranger
    │   └── SecretInArguments
    ├── NotFound
    ├── Conflict                     somebody else changed it, or it exists already
    ├── NotLoggedIn                  no session, an ended one, a revoked token
    │   └── WrongLogin
    ├── NotAllowed                   the role does not allow it
    ├── NoSeat                       the log-in is right, but no license seat is free for it
    ├── Unavailable                  busy, stopping, or a store that cannot be reached
    │   ├── DatabaseUnavailable      one project database: its drive or host is away; the others go on
    │   └── TooManyAttempts          too many tries to log in, or submissions; says when the next is possible
    ├── JobCancelled                 long work was cancelled; nothing of it is left
    ├── ReportFailed                 a cell of a report notebook failed; there is no report
    ├── ServerFault                  a defect of trackkit; the reference stands in the server log
    └── ConnectionFailed             (raised on the client only)
        ├── NameNotResolved, HostNotAnswering, PortClosed, NotATrackkitServer, TlsMismatch
        ├── CertificateUnknown, CertificateChanged, CertificateUntrusted
        └── VersionMismatch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused field: its name as the caller wrote it, and why."""

    field: str
    message: str


class TrackkitError(Exception):
    """What happened, to what, and what to do.

    Parameters
    ----------
    message: one sentence for a person.
    advice: what to do next; empty when the message says it all.
    problems: refused fields.
    details: further facts for programs (strings only, never secrets).
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        advice: str = "",
        *,
        problems: Iterable[Problem] = (),
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.problems = tuple(problems)
        self.details = dict(details or {})

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  {problem.field}: {problem.message}" for problem in self.problems]
        if self.advice:
            lines.append(self.advice)
        return "\n".join(lines)


class InvalidInput(TrackkitError):
    """A value was refused. Nothing was changed."""

    code = "invalid_input"

    @classmethod
    def of(cls, field: str, message: str, advice: str = "") -> InvalidInput:
        """The usual case: one field, one reason."""
        return cls(f"{field} was refused; nothing was changed.", advice, problems=[Problem(field, message)])


class MessageTooLarge(InvalidInput):
    """A message over the maximum size; it was not stored."""

    code = "message_too_large"


class ImportRefused(InvalidInput):
    """Rows of an import were refused; nothing was imported. Problems are named ``row.column``, rows counted from 1."""

    code = "import_refused"


class SecretInArguments(InvalidInput):
    """A secret was given where every user of the machine can read it (the process list)."""

    code = "secret_in_arguments"


class SerialMistyped(InvalidInput):
    """A license's serial was typed wrong: its check digits do not fit."""

    code = "serial_mistyped"


class SerialForged(InvalidInput):
    """A license's serial was typed right, but not signed by a key the server accepts."""

    code = "serial_forged"


class NotFound(TrackkitError):
    """What was named does not exist (any more)."""

    code = "not_found"


class Conflict(TrackkitError):
    """It exists already, or somebody else changed it meanwhile. Nothing was changed."""

    code = "conflict"


class NotLoggedIn(TrackkitError):
    """No session: none given, ended, timed out or revoked."""

    code = "not_logged_in"


class WrongLogin(NotLoggedIn):
    """User name or password is wrong; which of them is never told."""

    code = "wrong_login"


class NotAllowed(TrackkitError):
    """The role of this account does not allow the operation."""

    code = "not_allowed"


class NoSeat(TrackkitError):
    """The log-in is right, but no license seat is free. Says how many there are, who holds them and since when."""

    code = "no_seat"


class Unavailable(TrackkitError):
    """The server is busy, stopping, or cannot reach its store. Try again."""

    code = "unavailable"


class DatabaseUnavailable(Unavailable):
    """A project database cannot be used now: its drive, folder or host is away. It comes back by itself."""

    code = "database_unavailable"


class TooManyAttempts(Unavailable):
    """Too many tries to log in, or too many submissions: this one was not looked at. In ``details`` the seconds after
    which the next will be.
    """

    code = "too_many_attempts"

    @property
    def retry_after(self) -> int:
        """Seconds to wait before the next try."""
        return int(self.details.get("retry_after", "1"))


class JobCancelled(TrackkitError):
    """Long work was cancelled; what it had begun to write is gone, everything else is untouched."""

    code = "job_cancelled"


class ReportFailed(TrackkitError):
    """A report could not be made. Of a cell that failed, number and first line are in ``details``."""

    code = "report_failed"


class ServerFault(TrackkitError):
    """A defect of trackkit. The reference leads to the entry in the server log."""

    code = "server_fault"


class ConnectionFailed(TrackkitError):
    """The server could not be reached or not be believed."""

    code = "connection_failed"


class NameNotResolved(ConnectionFailed):
    """The address is a name that does not resolve."""

    code = "name_not_resolved"


class HostNotAnswering(ConnectionFailed):
    """The host did not answer in time."""

    code = "host_not_answering"


class PortClosed(ConnectionFailed):
    """The host answered that nothing listens on that port."""

    code = "port_closed"


class NotATrackkitServer(ConnectionFailed):
    """Something else listens there."""

    code = "not_a_trackkit_server"


class TlsMismatch(ConnectionFailed):
    """One side encrypts, the other does not."""

    code = "tls_mismatch"


class CertificateUnknown(ConnectionFailed):
    """First use: the fingerprint (in ``details``) has to be confirmed before anything is sent."""

    code = "certificate_unknown"


class CertificateChanged(ConnectionFailed):
    """The server showed another certificate than the pinned one; both fingerprints are in ``details``."""

    code = "certificate_changed"


class CertificateUntrusted(ConnectionFailed):
    """The certificate does not verify against the given CA file, or names another host."""

    code = "certificate_untrusted"


class VersionMismatch(ConnectionFailed):
    """The server is too old or too new for this client."""

    code = "version_mismatch"


def _tree(cls: type[TrackkitError]) -> Iterator[type[TrackkitError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _tree(child)


BY_CODE: Mapping[str, type[TrackkitError]] = {cls.code: cls for cls in _tree(TrackkitError)}
"""code -> class, for rebuilding an error on the other side of the wire."""

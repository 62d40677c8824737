"""`Server`: one server that was reached, and everything that can be asked of it.

A context manager; `close` ends the session it opened. With an API token, or a session somebody else opened, there
is nothing to end. What is secret (the token) shows in no repr.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from trackkit.client import dedicated
from trackkit.client.accounts import SessionsPart, TokensPart, UsersPart
from trackkit.client.admin import AuditPart, Secret
from trackkit.client.call import Caller, automatic
from trackkit.client.databases import DatabasesPart
from trackkit.client.jobs import JobsPart
from trackkit.client.licenses import LicensesPart
from trackkit.client.log import Log
from trackkit.client.mail import Mail
from trackkit.client.mail_groups import Group
from trackkit.client.options import OptionsPart
from trackkit.client.project import Project, end_session, open_project, resume_project
from trackkit.client.tasks import TasksPart
from trackkit.client.tracking import TrackingPart
from trackkit.client.trust import TrustPart
from trackkit.contract import project
from trackkit.contract import server as contract
from trackkit.contract.fixes import FixView
from trackkit.contract.operation import Done
from trackkit.domain.errors import NotLoggedIn, TrackkitError


class Server:
    """A server and who one is to it. Made by `trackkit.connect` and `trackkit.local`."""

    def __init__(self, name: str, caller: Caller, fingerprint: str = "") -> None:
        self.name = name
        self.fingerprint = fingerprint
        """Of the certificate it showed; empty when it does not encrypt or was reached through the local socket."""
        self._caller = caller
        self._who: contract.Session | None = None
        self._opened_here = False
        self.jobs = JobsPart(caller, name)
        self.options = OptionsPart(caller, name)
        self.mail = Mail(caller, name, self.jobs, self.options)
        self.log = Log(caller, name)
        self.databases = DatabasesPart(caller, name, self.jobs)
        self.licenses = LicensesPart(caller, name)
        self.tasks = TasksPart(caller, name, self.jobs)
        self.trust = TrustPart(caller, name)
        self.tracking = TrackingPart(caller, name, self.mail)
        self.users = UsersPart(caller, name)
        self.tokens = TokensPart(caller, name)
        self.sessions = SessionsPart(caller, name)
        self.audit = AuditPart(caller, name)

    def __repr__(self) -> str:
        who = f"{self._who.username} ({self._who.role})" if self._who else "not logged in"
        return f"<trackkit server {self.name!r}: {who}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except TrackkitError:
            if error is None:  # else the first error is the one to be told; the session ends by its idle time-out
                raise

    @property
    def url(self) -> str:
        """Where it was reached: ``https://host:port``, or the data folder."""
        return self._caller.endpoint.folder or self._caller.endpoint.url

    @property
    def username(self) -> str:
        """Who one is to the server; empty before the log-in."""
        return self._who.username if self._who else ""

    @property
    def role(self) -> str:
        """One's role; empty before the log-in."""
        return self._who.role.value if self._who else ""

    def close(self) -> None:
        """End the session opened here, and the connection. A second call does nothing."""
        try:
            if self._opened_here:
                self.log_out()
        except NotLoggedIn:
            self._forget()  # it has ended already, which is what was wanted
        finally:
            self._caller.close()

    def offered(self, client: project.ClientKind = "api") -> project.Offers:
        """The databases that a log-in of that kind of client is offered; needs no log-in."""
        return self._caller.ask(project.OFFERS, client=client)

    def submission_databases(self) -> project.Offers:
        """The databases that take defects from people without an account; needs no log-in."""
        return self._caller.ask(project.SUBMISSION_DATABASES)

    def submit_defect(
        self, database: str, title: str, description: str, submitter: str = "", email: str = ""
    ) -> project.Submitted:
        """Submit a defect without an account; needs no log-in.

        Parameters
        ----------
        submitter, email: who submits it, as it shall stand in the description; nobody checks it.

        Raises
        ------
        NotFound: no database of that name takes defects without an account.
        Conflict: the server has no solosubmit license.
        TooManyAttempts: too many came; says when to try again.
        """
        return self._caller.ask(
            project.SUBMIT,
            database=database,
            title=title,
            description=description,
            submitter=submitter,
            email=email,
        )

    def project(
        self,
        database: str,
        username: str | None = None,
        password: Secret | None = None,
        client: project.ClientKind = "api",
        serial: Secret | None = None,
        proof: Secret | None = None,
    ) -> Project:
        """Log in to a project, as one of its users; it takes a license seat until it is closed.

        Parameters
        ----------
        username, password: without them TRACKKIT_PROJECT_USERNAME and TRACKKIT_PROJECT_PASSWORD.
        client: what kind of client this is; it decides the idle time-out and the pool of seats.
        serial: of a dedicated license, for native clients; without it TRACKKIT_SERIAL, then the one that is remembered
            on this computer (`trackkit license remember`), and without any a floating seat.
        proof: of an earlier log-in to this account (`Project.opened.proof`); see `log_in`.

        Raises
        ------
        WrongLogin: database, name or password is wrong.
        NoSeat: the log-in is right, but no seat is free; says who holds them.
        SerialMistyped, SerialForged, Conflict: the dedicated serial does not hold on this server.
        """
        environment = os.environ
        name = username if username is not None else environment.get("TRACKKIT_PROJECT_USERNAME", "")
        secret = password if password is not None else environment.get("TRACKKIT_PROJECT_PASSWORD", "")
        if client == "native" and serial is None:
            serial = environment.get("TRACKKIT_SERIAL") or dedicated.recall()
        return open_project(self._caller.beside(), self.name, database, name, secret, client, serial, proof)

    def project_session(self, token: Secret | None = None) -> Project:
        """Act in a project session that was opened elsewhere, which goes on after `close`; `NotLoggedIn`.

        Parameters
        ----------
        token: of the session; without one TRACKKIT_PROJECT_TOKEN.
        """
        given = token if token is not None else os.environ.get("TRACKKIT_PROJECT_TOKEN", "")
        return resume_project(self._beside(given), self.name)

    def end_project_session(self, token: Secret) -> Done:
        """End a project session that was opened elsewhere, also while its database is away; `NotLoggedIn`."""
        return end_session(self._beside(token))

    def _beside(self, token: Secret) -> Caller:
        caller = self._caller.beside()
        caller.token = token if isinstance(token, SecretStr) else SecretStr(token)
        return caller

    def automatic(self) -> AbstractContextManager[None]:
        """``with server.automatic():`` requests inside are no person's doing and keep no session alive."""
        return automatic()

    def apply(self, what: FixView | Group, secrets: Mapping[str, Secret] | None = None) -> str:
        """Apply what a diagnosis (`diagnosis.fix`), a test or a suggestion offers; of a group of mail (`mail.groups`)
        the next step, which includes trying again what failed for it. Returns what happened, in words.

        Parameters
        ----------
        secrets: by option name what has to be set with it and only a person knows, such as a password.

        Raises
        ------
        Conflict: there is nothing (any more) to apply it to.
        NotAllowed: one's role does not do this.
        """
        from trackkit.client.fixes import prepare

        if isinstance(what, Group):
            from trackkit.client.next_step import next_step

            return next_step(self, what.diagnosis, what.conditions, secrets).do()
        return prepare(self, what, secrets).do()

    def access(self) -> dict[str, str]:
        """What another process of the same person needs to act in this session, as environment variables.

        It holds the token: only for the environment of a process, never for a file, an argument or a page.
        """
        if self._caller.endpoint.folder:
            return {"TRACKKIT_DATA": self._caller.endpoint.folder, "TRACKKIT_USERNAME": self.username}
        token = self._caller.token.get_secret_value() if self._caller.token else ""
        found = {"TRACKKIT_SERVER": self.url, "TRACKKIT_TOKEN": token, "TRACKKIT_FINGERPRINT": self.fingerprint}
        return {name: value for name, value in found.items() if value}

    def info(self) -> contract.ServerInfo:
        """Which server this is and which version it runs; needs no log-in."""
        return self._caller.ask(contract.INFO)

    def health(self) -> contract.Health:
        """What needs attention, most severe first, and what to do."""
        return self._caller.ask(contract.HEALTH)

    def session(self) -> contract.Session:
        """Who one is to the server; `NotLoggedIn` when the session has ended."""
        return self._caller.ask(contract.CURRENT)

    def setup_code(self) -> contract.SetupCode:
        """Make a one-time code with which the first visitor sets the admin password; the next one replaces it."""
        return self._caller.ask(contract.SETUP_CODE)

    def complete_setup(self, code: Secret, password: Secret) -> Done:
        """Set the admin password of a fresh server with its set-up code; needs no log-in."""
        return self._caller.ask(contract.SETUP, code=code, password=password)

    def log_in(
        self, username: str, password: Secret | None = None, proof: Secret | None = None
    ) -> contract.OpenedSession:
        """Open a session and act in it from now on; without a password only through the local socket.

        Parameters
        ----------
        proof: of an earlier log-in to this account (`OpenedSession.proof`), for programs whose people share an
            address: with it, failed tries of the others do not make this one wait.
        """
        opened = self._caller.ask(contract.LOGIN, username=username, password=password, proof=proof)
        self._caller.token = SecretStr(opened.token)
        self._who = contract.Session.model_validate(opened.model_dump(exclude={"token", "proof"}))
        self._opened_here = True
        return opened

    def use_token(self, token: Secret) -> contract.Session:
        """Act with an API token, or in a session that was opened elsewhere; `NotLoggedIn` when it is not valid."""
        self._caller.token = token if isinstance(token, SecretStr) else SecretStr(token)
        self._opened_here = False
        self._who = self.session()
        return self._who

    def log_out(self) -> Done:
        """End the session; the server can still be asked what needs no log-in."""
        done = self._caller.ask(contract.LOGOUT)
        self._forget()
        return done

    def _forget(self) -> None:
        self._caller.token, self._who, self._opened_here = None, None, False

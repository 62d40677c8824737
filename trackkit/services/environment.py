"""What every use case works with: stores, log, options, secrets, clock; and who is asking.

`Environment` is made once by the server; `Call` is made for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from trackkit.domain.accounts import Actor
from trackkit.domain.log import Severity
from trackkit.services.database_places import Places
from trackkit.services.diagnosis_tally import Tally
from trackkit.services.fetching_state import FetchingState
from trackkit.services.jobs import Jobs
from trackkit.services.listener_state import ListenerState
from trackkit.services.log_search import LogSearch
from trackkit.services.log_writer import LogWriter
from trackkit.services.login_guard import LoginGuard
from trackkit.services.machine import Machine
from trackkit.services.option_cache import OptionCache
from trackkit.services.passwords import Passwords
from trackkit.services.probe_runs import ProbeRuns
from trackkit.services.project_stores import ProjectStores
from trackkit.services.reading import Readers
from trackkit.services.sealing import Sealer
from trackkit.services.sending_gate import SendingGate
from trackkit.services.sinks.digest import DigestSink
from trackkit.services.submission_gate import SubmissionGate
from trackkit.services.suggest_gate import SuggestGate
from trackkit.services.trust_cache import TrustCache
from trackkit.store import records
from trackkit.store.database import Connection, Store


@dataclass(frozen=True, kw_only=True)
class MailEnvironment:
    """What sending mail needs: all that a mail worker has."""

    store: Store
    log_store: Store
    log: LogWriter
    digest: DigestSink
    """What waits to be e-mailed."""
    options: OptionCache
    trust: TrustCache
    """The certificates that are trusted although they do not verify."""
    clock: Callable[[], datetime]
    zone: tzinfo
    """The server's time zone."""
    sending: SendingGate
    """Whether mail may leave now."""
    machine: Machine
    """What mail can be handed over to on this machine."""
    tally: Tally = field(default_factory=Tally)
    """What failed tries were diagnosed as."""
    on_mail: list[Callable[[], None]] = field(default_factory=list)
    """Called after something in the queue may have become due."""

    def follow(self) -> bool:
        """Read again what another process may have changed: options and trust; whether anything was."""
        options, trust = self.options.follow(), self.trust.follow()
        return options or trust

    def mail_changed(self) -> None:
        """Let the mail engine look at the queue again."""
        for listener in self.on_mail:
            listener()


@dataclass(frozen=True, kw_only=True)
class Environment(MailEnvironment):
    """The server as its use cases see it."""

    version: str
    data: Path
    """The server's data folder."""
    log_search: LogSearch
    passwords: Passwords
    guard: LoginGuard
    """Every password that comes from outside goes through it."""
    submissions: SubmissionGate
    """Every defect without an account goes through it."""
    suggesting: SuggestGate
    """Looks for settings for sending."""
    server_id: str
    places: Places
    projects: ProjectStores
    jobs: Jobs
    sealer: Sealer
    license_keys: tuple[bytes, ...]
    """Public keys whose serials are accepted; set on the machine only."""
    plain_allowed: bool
    """`server.encrypt` may be off: the server listens on this machine only, or the machine's settings allow it."""
    probes: ProbeRuns
    """Tests of settings under way."""
    readers: Readers
    """Processes that read mails which were fetched."""
    given_port: int | None = None
    """The port given at the start; it wins over `server.port`."""
    listener: ListenerState = field(default_factory=ListenerState)
    fetching: FetchingState = field(default_factory=FetchingState)


@dataclass(frozen=True)
class Call:
    """One request: the environment, who asks, when."""

    environment: Environment
    actor: Actor
    now: datetime
    automatic: bool = False

    def audit(
        self,
        connection: Connection,
        operation: str,
        subject: str,
        before: Mapping[str, str] | None = None,
        after: Mapping[str, str] | None = None,
    ) -> None:
        """Record the act in the transaction that does it."""
        records.add_audit(
            connection,
            at=self.now,
            operation=operation,
            username=self.actor.username,
            client_address=self.actor.where,
            subject=subject,
            before=before or {},
            after=after or {},
        )

    def log(self, severity: Severity, source: str, message: str, details: str = "", *, database: str = "") -> None:
        """Write to the server log in the caller's name."""
        self.environment.log.write(
            severity,
            source,
            message,
            details,
            database=database,
            username=self.actor.username,
            client_address=self.actor.where,
        )

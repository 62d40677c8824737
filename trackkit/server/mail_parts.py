"""What sending mail needs, put together: the same for the server and for a mail worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from trackkit.domain.options import secrets
from trackkit.services.environment import MailEnvironment
from trackkit.services.log_writer import LogWriter
from trackkit.services.machine import Machine
from trackkit.services.option_cache import OptionCache
from trackkit.services.sealing import Sealer
from trackkit.services.sending_gate import SendingGate
from trackkit.services.sinks.digest import DigestSink
from trackkit.services.sinks.event_log import EventLogSink
from trackkit.services.sinks.startup_log import StartupLog
from trackkit.services.trust_cache import TrustCache
from trackkit.store import records
from trackkit.store.database import Connection, Store

KEY_CHECK: Final = "key_check"
TIME_ZONE: Final = "time_zone"
"""Facts that the server keeps for workers: something that only its key opens, and its time zone."""


def tell_workers(store: Store, sealer: Sealer, zone: tzinfo) -> None:
    """Keep what workers on other machines must know; the server does so at each start on PostgreSQL."""

    def work(connection: Connection) -> None:
        records.set_fact(connection, KEY_CHECK, sealer.seal(KEY_CHECK, SecretStr(KEY_CHECK)).decode())
        records.set_fact(connection, TIME_ZONE, str(zone))

    store.write(work)


def mail_environment(
    closing: ExitStack,
    main: Store,
    log_store: Store,
    sealer: Sealer,
    startup_log: Path,
    event_log: EventLogSink,
    clock: Callable[[], datetime],
    zone: tzinfo,
    machine: Machine,
) -> MailEnvironment:
    """Read the options, open the log; `closing` closes it."""
    options = OptionCache(main, sealer)
    digest = DigestSink(main, clock)
    log = LogWriter(
        log_store,
        lambda: options.current.log,
        clock,
        StartupLog(startup_log, lambda: secrets(options.current)),
        event_log,
        digest,
    )
    closing.callback(log.close)
    return MailEnvironment(
        store=main,
        log_store=log_store,
        log=log,
        digest=digest,
        options=options,
        trust=TrustCache(main),
        clock=clock,
        zone=zone,
        sending=SendingGate(main, options, clock, zone),
        machine=machine,
    )

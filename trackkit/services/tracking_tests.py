"""Testing the stored settings of a mailbox, the server's or a project's; looked at as every test (`mail_tests`).

The test is made by what the server has put into `ProbeRuns.mailbox`. A certificate that did not verify is kept by the
trust manager, as from fetching, so that it can be trusted.
"""

from __future__ import annotations

from trackkit.contract import tracking as contract
from trackkit.contract.mail_tests import MailTest
from trackkit.domain.errors import Conflict, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.probe_steps import Ending
from trackkit.domain.tracking.mailbox import MailboxWords
from trackkit.domain.tracking_options import Mailbox, mailbox_of
from trackkit.services import trust
from trackkit.services.environment import Call
from trackkit.services.mail_tests import view_of
from trackkit.services.probe_runs import SOURCE, Watch
from trackkit.services.project_mail_settings import settings_of


def begin_test(call: Call, request: contract.BeginMailboxTest) -> MailTest:
    """Begin a test."""
    environment = call.environment
    probe = environment.probes.mailbox
    if probe is None:
        raise Unavailable("The server is starting or stopping; nothing was tested.", "Try again in a moment.")
    mailbox, trusted = _wanted(call, request.database), environment.trust.current
    subject = f"the mailbox {mailbox.key}" + (f" of {request.database}" if request.database else "")

    def work(watch: Watch) -> Ending:
        ending = probe(mailbox, trusted, watch)
        if ending.outcome is not None and (seen := ending.outcome.certificate) is not None:
            environment.store.write(lambda connection: trust.record(connection, [seen]))
        return ending

    def begins(run_id: str) -> None:
        after = {"what": subject}
        environment.store.write(lambda connection: call.audit(connection, contract.TEST.name, run_id, after=after))

    words = MailboxWords("mailbox" if request.database else "tracking")
    run = environment.probes.begin(subject, call.actor.username, words, work, begins)
    call.log(Severity.information, SOURCE, f"The settings of {subject} are tested.", database=request.database or "")
    return view_of(call, run, 0)


def _wanted(call: Call, database: str | None) -> Mailbox:
    """The mailbox to be tested; `Conflict` while something is missing."""
    environment = call.environment
    options = environment.options.current.tracking
    if database is None:
        mailbox, whose = mailbox_of(options), "of this server"
    else:
        row = environment.projects.row(database)
        mailbox, whose = mailbox_of(options, settings_of(environment, row).mailbox), f"of {row.name}"
    if mailbox is None:
        raise Conflict(
            f"The mailbox {whose} is not set up: host, account, password and tracking address are needed.",
            "Set them, then test again.",
        )
    return mailbox

"""Testing the stored settings for sending: begin, look at the steps, end before its time.

The test is made by what the server has put into `ProbeRuns.mail`; here is who may ask for what, what a failed step
means (`domain.diagnosis`, `domain.probe_steps`), and what becomes of a certificate that did not verify: the trust
manager gets it, as from a delivery, so that it can be trusted.
"""

from __future__ import annotations

from email.utils import make_msgid
from typing import Final

from trackkit.contract import mail_tests as contract
from trackkit.contract.wire import WireError
from trackkit.domain import probe_steps as steps
from trackkit.domain.addresses import address_problem, normal_address
from trackkit.domain.errors import Conflict, InvalidInput, Problem, Unavailable
from trackkit.domain.hosts import host_and_port
from trackkit.domain.log import Severity
from trackkit.domain.options import Options
from trackkit.domain.probe_message import probe_message
from trackkit.domain.probe_steps import Ending, Step, StepState
from trackkit.services import trust
from trackkit.services.environment import Call
from trackkit.services.mail_listing import fix_view
from trackkit.services.notices import server_name
from trackkit.services.probe_runs import SOURCE, MailWanted, Run, Watch

_CANCELLED: Final = "The test was cancelled."


def begin_test(call: Call, request: contract.BeginMailTest) -> contract.MailTest:
    """Begin a test."""
    environment = call.environment
    probe = environment.probes.mail
    if probe is None:
        raise Unavailable("The server is starting or stopping; nothing was tested.", "Try again in a moment.")
    wanted = _wanted(call, request)
    subject, words = _subject(wanted.options), steps.MailWords(wanted.options, wanted.recipient)

    def work(watch: Watch) -> Ending:
        ending = probe(wanted, watch)
        if ending.outcome is not None and (seen := ending.outcome.certificate) is not None:
            environment.store.write(lambda connection: trust.record(connection, [seen]))
        return ending

    def begins(run_id: str) -> None:
        after = {"what": subject, "sender": wanted.sender or "", "recipient": wanted.recipient}
        after["message"] = "sent" if request.send else "none"
        environment.store.write(lambda connection: call.audit(connection, contract.BEGIN.name, run_id, after=after))

    run = environment.probes.begin(subject, call.actor.username, words, work, begins)
    call.log(Severity.information, SOURCE, f"The settings for sending are tested: {subject}.")
    return view_of(call, run, 0)


def show_test(call: Call, request: contract.ShowMailTest) -> contract.MailTest:
    """How far it is, after waiting for news."""
    run = call.environment.probes.show(request.test_id)
    if request.wait:
        run.wait(request.after, request.wait)
    return view_of(call, run, request.after)


def cancel_test(call: Call, request: contract.NamedMailTest) -> contract.MailTest:
    """Let it end."""
    run = call.environment.probes.show(request.test_id)
    if run.ended_at is not None:
        raise Conflict("This test has ended already.")
    call.environment.store.write(lambda connection: call.audit(connection, contract.CANCEL.name, run.run_id))
    run.cancel()
    return view_of(call, run, 0)


def _wanted(call: Call, request: contract.BeginMailTest) -> MailWanted:
    """What is to be tested; `InvalidInput` when it cannot be."""
    options = call.environment.options.current
    recipient, problems = normal_address(request.recipient), []
    if recipient and (reason := address_problem(recipient)):
        problems.append(Problem("recipient", reason))
    sender = request.sender if request.sender is None else normal_address(request.sender)
    if sender and (reason := address_problem(sender)):
        problems.append(Problem("sender", reason))
    if not recipient and request.send:
        problems.append(Problem("recipient", "is missing, and a test message has to go to somebody"))
    elif not recipient and options.sending.method == "direct":
        problems.append(Problem("recipient", "is missing; direct delivery goes to the mail hosts of its domain"))
    if problems:
        raise InvalidInput("Nothing was tested.", problems=problems)
    if sender is None:
        sender = _usual_sender(options) or ("" if recipient else None)
    message = None
    if request.send:
        name = server_name()
        own_id = make_msgid(domain=name).strip("<>")
        now = call.now.astimezone(call.environment.zone)
        message = probe_message(name, sender or "", recipient, own_id, now)
    return MailWanted(options, call.environment.trust.current, sender, recipient, message)


def _usual_sender(options: Options) -> str | None:
    """Whose mail the host should take: the mail account's, or what the log sends from."""
    account = options.sending.smtp.username or ""
    if options.sending.smtp.authentication != "anonymous" and not address_problem(account):
        return account
    return options.log.email_return_address or None


def _subject(options: Options) -> str:
    """What is tested, in words."""
    sending = options.sending
    relay = f"the relay {host_and_port(sending.smtp.host or '(no host)', sending.smtp.port)}"
    return {
        "smtp": relay,
        "direct": "direct delivery",
        "direct-then-smtp": f"direct delivery, then {relay}",
        "pickup": f"the pickup folder {sending.pickup.folder}",
        "mapi": "MAPI",
    }[sending.method]


def view_of(call: Call, run: Run, after: int) -> contract.MailTest:
    """A test of anything, with its steps after so many."""
    with run.changed:
        ended, under_way, ending = tuple(run.steps), run.under_way, run.ending
        finished, cancelled, error = run.ended_at is not None, run.cancelled, run.error
    running = Step(*under_way, StepState.running) if under_way else None
    works = ending.outcome is None if ending and not cancelled else None
    verdict, cause = _verdict(call, run, ending, cancelled=cancelled) if finished else ("", "")
    offered = ending if ending is not None else Ending(None)
    return contract.MailTest(
        test_id=run.run_id,
        subject=run.subject,
        username=run.username,
        begun_at=run.begun_at,
        steps=tuple(_step(call, run, n, one) for n, one in enumerate(ended[after:], after + 1)),
        under_way=_step(call, run, len(ended) + 1, running) if running else None,
        finished=finished,
        works=works,
        verdict=verdict if error is None else error.message,
        cause=cause,
        notices=tuple(
            contract.MailTestNotice(kind=n.kind, words=n.words, advice=n.advice, option=n.option)
            for n in offered.notices
        ),
        fixes=tuple(map(fix_view, offered.fixes)),
        conversation=offered.conversation,
        error=WireError.of(error) if error is not None else None,
    )


def _step(call: Call, run: Run, number: int, step: Step) -> contract.MailTestStep:
    words, advice, option = step.said, "", ""
    if step.outcome is not None:
        why = run.words.diagnosis(step.outcome, call.now)
        words, advice, option = why.words, steps.advice_of(why, step.kind), why.option
    return contract.MailTestStep(
        number=number,
        kind=step.kind,
        title=steps.TITLES[step.kind],
        host=step.whom,
        state=step.state,
        seconds=round(step.seconds, 3),
        words=words,
        advice=advice,
        option=option,
    )


def _verdict(call: Call, run: Run, ending: Ending | None, *, cancelled: bool) -> tuple[str, str]:
    """What a test came to, in words, and the cause of a failure."""
    if ending is None or cancelled:
        return _CANCELLED, ""
    if ending.outcome is not None:
        why = run.words.diagnosis(ending.outcome, call.now)
        return steps.works_not(why), why.cause
    return run.words.works({step.kind for step in run.steps}), ""

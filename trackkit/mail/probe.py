"""A test of how mail leaves: the real way, step by step, and in the end what would mend it.

It takes the way that mail takes (`trackkit.mail.way`, `direct`, `local_ways`, `transports`), with a connection of its
own and past the queue, and watches it (`probe_steps`). Promises: it ends within `LONGEST_SECONDS` and can be cancelled
at any moment; without a message to be sent, none is; other ways to the host are looked at without a log-in, all at once
and for `LOOK_SECONDS`; secrets are masked in all it tells, as in every conversation.

Never fails for what happens on the network: that is an `Ending`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from trackkit.domain.certificates import facts
from trackkit.domain.message import BY_MAPI, domain_of
from trackkit.domain.probe_findings import Habits, Looked, Other, fixes_of, notices_of, others_of
from trackkit.domain.probe_steps import Ending, Step, StepKind, StepState
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.trust import Reason, Trusted, trust_of
from trackkit.mail.destinations import PICKUP
from trackkit.mail.direct import Direct, Hosts
from trackkit.mail.local_ways import LocalPlaces
from trackkit.mail.pop_before_smtp import Door
from trackkit.mail.probe_steps import Tell, Watched
from trackkit.mail.route import Route
from trackkit.mail.transports.looking import look_at
from trackkit.mail.transports.smtp import SmtpConnection
from trackkit.mail.way import Connection, Plan, Relay, Surroundings, Way, plan_of
from trackkit.services.probe_runs import MailWanted

LONGEST_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 8.0
_MOST_NAMES: Final = 5
"""Names of a certificate that are looked up."""


class Probe:
    """Tests settings.

    Parameters
    ----------
    shared, hosts, local: as the mail engine has them.
    longest: seconds.
    """

    def __init__(
        self,
        shared: Surroundings,
        hosts: Callable[[], Hosts],
        local: LocalPlaces,
        habits: Habits | None = None,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        self._shared, self._hosts, self._local = shared, hosts, local
        self._habits, self._longest = habits or Habits(), longest

    async def __call__(self, wanted: MailWanted, tell: Tell) -> Ending:
        """Test, and tell each step as it goes."""
        plan = plan_of(wanted.options.sending, wanted.trusted)
        relay = plan.relay if plan is not None else None
        watched = Watched(tell, asyncio.get_running_loop().time, relay.label if relay is not None else "")
        looked: tuple[Looked, ...] = ()
        text = f"the test was given up after {self._longest:g} seconds"
        given_up = Outcome(Verdict.temporary, Stage.connect, Failure.timed_out, text=text)
        outcome: Outcome | None = given_up
        try:
            async with asyncio.timeout(self._longest):
                outcome = await self._test(plan, wanted, watched, tell)
                if relay is not None:
                    looked = await self._look_around(relay, wanted, watched, outcome)
        except TimeoutError:
            if outcome is given_up:
                watched.refused(given_up)
            watched.end(said=text)  # looking around; what the test came to is known
        sight = watched.sight
        notices = tuple(notices_of(wanted.options, sight, outcome, looked, self._habits))
        return Ending(outcome, notices, fixes_of(wanted.options, sight, outcome, looked), watched.text)

    async def _test(self, plan: Plan | None, wanted: MailWanted, watched: Watched, tell: Tell) -> Outcome | None:
        """What the way ends with; none = it works."""
        watched.begin(StepKind.settings, "")
        if plan is None or not wanted.options.sending.is_set_up:
            nothing = Outcome(Verdict.temporary, Stage.configuration)
            watched.end(nothing)
            return nothing
        watched.end(said=_summary(plan))
        outcome: Outcome | None = None
        for way in self._ways(plan, wanted, tell):
            outcome = await self._take(way, wanted, watched)
            if outcome is None:
                wanted = replace(wanted, message=None)  # it has been sent; the relay is to be known to work, too
            elif outcome.verdict is Verdict.permanent:
                break  # the relay would not get such a mail either
        return outcome

    def _ways(self, plan: Plan, wanted: MailWanted, tell: Tell) -> list[Way]:
        """In the order in which mail tries them."""
        ways: list[Way] = []
        if plan.method in ("direct", "direct-then-smtp"):
            if wanted.recipient:
                ways.append(Direct(domain_of(wanted.recipient), plan, self._hosts(), self._shared))
            else:
                said = "without a recipient there is no domain whose mail hosts could be tried"
                tell.ended(Step(StepKind.name, "direct delivery", StepState.skipped, said=said))
        if plan.relay is not None:
            door = Door(plan.pop, self._shared.tls_context) if plan.pop is not None else None
            ways.append(Relay(plan.relay, self._shared, door))
        if plan.method == "pickup":
            ways.append(self._local.way(PICKUP, plan))
        if plan.method == "mapi":
            ways.append(self._local.way(BY_MAPI, plan))
        return ways

    async def _take(self, way: Way, wanted: MailWanted, watched: Watched) -> Outcome | None:
        """Open a connection, ask, and send if that is wanted."""
        if not isinstance(way, Relay | Direct):
            watched.reached(Stage.connect, way.label)
        opened = await way.open(watched)
        if opened is None or isinstance(opened, Outcome):
            refused = opened or Outcome(Verdict.temporary, Stage.connect, Failure.refused, text="no host is left")
            watched.refused(refused)
            return refused
        try:
            outcome = await self._talk(opened, wanted, watched)
        except BaseException:
            opened.abort()
            raise
        if outcome is not None:
            watched.refused(outcome)
        watched.end()
        await opened.close()
        return outcome

    async def _talk(self, opened: Connection, wanted: MailWanted, watched: Watched) -> Outcome | None:
        envelope = wanted.envelope
        if envelope is None:
            return None
        if isinstance(opened, SmtpConnection):
            refused = await opened.ask(envelope, wanted.message or b"\r\n")
            if refused is not None:
                return refused
        if wanted.message is None or not envelope.rcpt_tos:
            return None
        watched.reached(Stage.data, opened.label)
        outcomes: dict[str, Outcome] = {}
        await opened.deliver(envelope, wanted.message, outcomes)
        sent = outcomes[wanted.recipient]
        if sent.verdict is not Verdict.accepted:
            return sent
        watched.end(said=f"{sent.smtp_code or ''} {sent.text}".strip())
        return None

    async def _look_around(
        self, relay: Route, wanted: MailWanted, watched: Watched, trouble: Outcome | None
    ) -> tuple[Looked, ...]:
        """Look at the other ways to the host that could help."""
        smtp = wanted.options.sending.smtp
        if trouble is not None and trouble.certificate is not None:
            watched.sight.same_host = await _same_host(trouble, smtp.host or "")
        others = others_of(smtp, watched.sight, trouble, self._habits)
        if not others:
            return ()
        watched.begin(StepKind.other_ways, smtp.host or "")
        looked = await asyncio.gather(*(self._look(relay, other, wanted.trusted) for other in others))
        watched.end(said="; ".join(map(_words, looked)))
        return tuple(looked)

    async def _look(self, relay: Route, other: Other, trusted: tuple[Trusted, ...]) -> Looked:
        """Whether a connection comes about there, as far as the log-in."""
        route = replace(
            relay,
            port=other.port,
            encryption=other.encryption,
            login=None,
            connect_timeout=min(LOOK_SECONDS, relay.connect_timeout),
            conversation_timeout=min(LOOK_SECONDS, relay.conversation_timeout),
            trust=trust_of(trusted, relay.host, other.port),
        )
        seen = await look_at(route, self._shared.tls_context, self._shared.ehlo_name)
        if isinstance(seen, Outcome):
            return Looked(other, seen)
        return Looked(other, None, seen.encrypted, seen.offers)


def _summary(plan: Plan) -> str:
    """What is tested, in a line."""
    relay = plan.relay
    if relay is None:
        return plan.folder or plan.method
    login = f"log-in of {relay.login.username} ({relay.login.method})" if relay.login else "no log-in"
    first = "direct delivery, then " if plan.method == "direct-then-smtp" else ""
    return f"{first}{relay.label}, encryption '{relay.encryption}', {login}"


def _words(one: Looked) -> str:
    """What came of a look, in a few words."""
    if one.outcome is None:
        return f"{one.other.words}: open" + ("" if one.encrypted else ", not encrypted")
    if one.outcome.failure is Failure.tls_untrusted:
        return f"{one.other.words}: open, but its certificate does not verify"
    return f"{one.other.words}: {one.outcome.text}"


async def _same_host(trouble: Outcome, host: str) -> tuple[str, ...]:
    """Names of the certificate that lead to the very address that `host` does."""
    seen = trouble.certificate
    if seen is None or seen.reason is not Reason.wrong_name or not seen.chain:
        return ()
    wanted = await _addresses(host)
    names = [name for name in facts(seen.chain[0]).names if "*" not in name and name != host][:_MOST_NAMES]
    found = await asyncio.gather(*(_addresses(name) for name in names))
    return tuple(name for name, addresses in zip(names, found, strict=True) if wanted & addresses)


async def _addresses(name: str) -> frozenset[str]:
    with suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_STREAM)
            return frozenset(str(address[4][0]) for address in found)
    return frozenset()

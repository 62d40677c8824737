"""Testing the settings for sending, or of a mailbox: each step appears as it ends, and the change that mends them is
offered at the end.

What is tested is what is stored: while a form beside it has edits that are not applied, the button is disabled and says
so. The test runs on the server; Cancel ends it there. Nothing is announced but the latest step and the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.mail_test import SettingsTest
from trackkit.contract.mail_tests import BEGIN, MailTest, MailTestNotice, MailTestStep
from trackkit.contract.operation import Operation
from trackkit.contract.tracking import TEST as TEST_MAILBOX
from trackkit.domain.accounts import Role
from trackkit.domain.probe_steps import StepState
from trackkit.widgets.fields import Field, Fields, Section, Text
from trackkit.widgets.fix_view import FixButton
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown, shown_block
from trackkit.widgets.work import in_background

_LOOK_SECONDS = 2.0
"""How long one look waits for news; a cancel is heard of at once all the same."""

_LONGEST = 2000
"""Characters of a sentence."""

UNSAVED = "Apply or revert what is typed above first: the settings that are stored are tested."

_PURPOSE = (
    "Tries the stored settings step by step, with a connection of its own and past the queue, and says what to change."
)
_FIELDS = (
    Field("recipient", "Recipient", help="Whom the host is asked to take mail for. With direct delivery it is needed."),
    Field("sender", "Sender", help="Empty: the mail account if it is an address, or what the log's e-mails come from."),
    Field("send", "Send a test message", "yes/no", help="To the recipient. Without it nothing is sent."),
)

_MARKS = {StepState.done: "✓", StepState.failed: "✗", StepState.skipped: "–", StepState.running: "…"}
_SAID = {
    StepState.done: "done",
    StepState.failed: "failed",
    StepState.skipped: "skipped",
    StepState.running: "under way",
}
_TONES = {StepState.done: "tk-good", StepState.failed: "tk-bad"}


@dataclass(frozen=True, slots=True)
class Tested:
    """What a panel tests.

    Parameters
    ----------
    fields: what is asked for before.
    begin: begins it with what was entered.
    code: the same as Python, without the server's name.
    """

    title: str
    purpose: str
    operation: Operation[Any, MailTest]
    fields: tuple[Field, ...]
    begin: Callable[[Server, Mapping[str, Text]], SettingsTest]
    code: Callable[[Mapping[str, Text]], str]


def _mail_wanted(values: Mapping[str, Text]) -> dict[str, Any]:
    recipient, sender = str(values["recipient"]).strip(), str(values["sender"]).strip()
    return {"recipient": recipient, "sender": sender or None, "send": values["send"] is True}


def _mail_code(values: Mapping[str, Text]) -> str:
    given = {name: value for name, value in _mail_wanted(values).items() if value not in ("", None, False)}
    return f"mail.test({', '.join(f'{name}={value!r}' for name, value in given.items())})"


HOW_MAIL_LEAVES = Tested(
    "Test how mail leaves",
    _PURPOSE,
    BEGIN,
    _FIELDS,
    lambda server, values: server.mail.test(**_mail_wanted(values)),
    _mail_code,
)


def mailbox(database: str | None = None) -> Tested:
    """The mailbox that tracked e-mail comes back to, the server's or a project's."""
    return Tested(
        "Test the mailbox",
        "Logs in with the stored settings step by step, looks what is there, and says what to change. Nothing is "
        "fetched or deleted.",
        TEST_MAILBOX,
        (),
        lambda server, _: server.tracking.test(database),
        lambda _: f"tracking.test({database!r})" if database else "tracking.test()",
    )


class MailTestPanel:
    """The panel. `widget` is what is shown; the rest is for pages and tests.

    Parameters
    ----------
    applied: called after a fix was applied.
    """

    def __init__(
        self,
        server: Server,
        trouble: Trouble,
        applied: Callable[[], None] = lambda: None,
        tested: Tested = HOW_MAIL_LEAVES,
    ) -> None:
        self._server, self._trouble, self._when_applied, self._tested = server, trouble, applied, tested
        self._may = Role(server.role).covers(tested.operation.role or Role.viewer)
        self._unsaved = self._busy = False
        self._test: SettingsTest | None = None
        first: dict[str, Text] = {field.name: False if field.kind == "yes/no" else "" for field in tested.fields}
        self.fields = Fields([Section("", tested.fields)], first)
        self.button = w.Button(description="Test", button_style="primary")
        self.cancel = w.Button(description="Cancel", disabled=True)
        self.line, self.steps, self.offers, self.said = w.HTML(), w.HTML(), w.VBox(), Said()
        self.fixes: tuple[FixButton, ...] = ()
        self.code = python_of(self._code(), server)
        self.button.on_click(lambda _: self.begin())
        self.cancel.on_click(lambda _: self._stop())
        self.fields.when_entered(self.begin)
        actions = row(self.line, self.cancel, self.button, kind="tk-actions")
        parts = (*([self.fields] if tested.fields else ()), actions, self.steps, self.said, self.offers, self.code)
        self.widget = panel(title(tested.title, tested.purpose), *parts)
        self._look()

    def unsaved(self, unsaved: bool) -> None:
        """Whether there are edits that are not applied: what is stored is not what is seen then."""
        if unsaved != self._unsaved:  # else what the line says still holds
            self._unsaved = unsaved
            self._look()

    def begin(self) -> None:
        """Begin a test."""
        if self.button.disabled:
            return
        values = dict(self.fields.values)
        self.code.code = whole(self._code(), self._server)
        self.said.value, self.steps.value, self.offers.children, self.fixes = "", "", (), ()
        self._test, self._busy = None, True
        self._look()
        self._say("Beginning …")
        in_background(self._trouble, lambda: self._follow(values), self._ended, failed=self._failed)

    def _code(self) -> str:
        """What it does, as Python."""
        call = self._tested.code(self.fields.values)
        return f"for step in server.{call}:\n    print(step.title, step.state, step.words)"

    def _follow(self, values: Mapping[str, Text]) -> SettingsTest:
        """In a thread: show each step until the test has ended."""
        test = self._tested.begin(self._server, values)
        self._test = test
        self.cancel.disabled = False
        while True:
            self._draw(test)
            if test.finished:
                break
            test.refresh(_LOOK_SECONDS)
        if test.state.error is not None:
            raise test.state.error.error()
        return test

    def _draw(self, test: SettingsTest) -> None:
        under_way = () if test.state.under_way is None else (test.state.under_way,)
        self.steps.value = steps_html((*test.steps, *under_way))
        latest = under_way or tuple(test.steps[-1:])
        self._say("; ".join(f"{step.title}: {_SAID[step.state]}" for step in latest))

    def _ended(self, test: SettingsTest) -> None:
        self._idle()
        tone = {True: "tk-good", False: "tk-bad", None: "tk-warn"}[test.works]
        noticed = status(notices_html(test.notices), "tk-warn") if test.notices else ""
        self.said.value = status(f"<strong>{shown(test.verdict)}</strong>", tone) + noticed
        self.fixes = tuple(FixButton(self._server, fix, self._trouble, self._applied) for fix in test.fixes)
        offered = [w.HTML("<h3>What would mend it</h3>" if not test.works else "<h3>What would be better</h3>")]
        talk = w.HTML(_conversation(test.conversation))
        self.offers.children = (*(offered if self.fixes else ()), *(fix.widget for fix in self.fixes), talk)

    def _failed(self, error: Exception) -> bool:
        self._idle()
        return False

    def _applied(self, said: str) -> None:
        self._say("Test again to see whether it works now.")
        self._when_applied()

    def _idle(self) -> None:
        self._busy = False
        self._say("")
        self._look()

    def _stop(self) -> None:
        test = self._test
        if test is not None:
            in_background(self._trouble, test.cancel, lambda _: self._look(), busy=(self.cancel,))

    def _look(self) -> None:
        """Bring the buttons up to date, and say why there can be no test."""
        self.button.disabled = self._unsaved or self._busy or not self._may
        self.cancel.disabled = not self._busy or self._test is None
        if not self._may:
            self._say(f"That takes the role {self._tested.operation.role}.")
        elif not self._busy:
            self._say(UNSAVED if self._unsaved else "")

    def _say(self, words: str) -> None:
        self.line.value = f'<div class="tk-said" role="status">{shown(words)}</div>'


def steps_html(steps: Iterable[MailTestStep]) -> str:
    """The steps as a list: how each went, how long it took, what came of it, what to do."""
    return f'<ol class="tk-steps">{"".join(map(_step, steps))}</ol>'


def _step(step: MailTestStep) -> str:
    whom = f" <small>{shown(step.host)}</small>" if step.host else ""
    time = f'<span class="tk-time">{step.seconds:.2f} s</span>' if step.state is not StepState.running else ""
    words = f"<p>{shown(step.words, _LONGEST)}</p>" if step.words else ""
    advice = f"<p><strong>{shown(step.advice, _LONGEST)}</strong></p>" if step.advice else ""
    mark = f'<span class="tk-mark-of {_TONES.get(step.state, "")}" aria-hidden="true">{_MARKS[step.state]}</span>'
    return (
        f"<li>{mark}<div><b>{shown(step.title)}</b><span class='tk-unseen'>: {_SAID[step.state]}</span>{whom}"
        f"{words}{advice}</div>{time}</li>"
    )


def notices_html(notices: Iterable[MailTestNotice]) -> str:
    """What was recognised besides."""
    return "".join(f"<p>{shown(one.words, _LONGEST)} {shown(one.advice, _LONGEST)}</p>" for one in notices)


def _conversation(text: str) -> str:
    if not text:
        return ""
    return f"<details class='tk-python'><summary>What was said</summary>{shown_block(text)}</details>"

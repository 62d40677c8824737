"""The form's test of the settings over a real server: disabled with unsaved edits, steps, the fix applied."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import pytest

from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp, say
from trackkit.contract.mail_tests import MailTestStep
from trackkit.widgets.mail_test_panel import UNSAVED, MailTestPanel, steps_html
from trackkit.widgets.problems import Trouble
from trackkit.widgets.sending_options import sending_options_page


def all_of(widget: Any, kind: type) -> list[Any]:
    found = [widget] if isinstance(widget, kind) else []
    for child in getattr(widget, "children", ()):
        found += all_of(child, kind)
    return found


def button(page: w.Widget, words: str) -> w.Button:
    return next(one for one in all_of(page, w.Button) if one.description == words)


@pytest.mark.spec("7: test: unsaved edits disable it; each step with time and advice; the fix is offered and applied")
def test_the_form_tests_what_is_stored_and_applies_the_fix(start: Start) -> None:
    running = start()
    server = running.admin
    host_is: dict[str, Any] = {"script": {"rcpt": say("530 5.7.0 log in")}, "extensions": ("AUTH PLAIN",)}
    with ScriptedSmtp(**host_is, accounts={"mailer": "kAnArY"}) as host:
        account = {"username": "mailer", "password": "kAnArY", "encryption": "none", "host": "127.0.0.1"}
        server.options.set({f"sending.smtp.{name}": v for name, v in {**account, "port": host.port}.items()})
        page = sending_options_page(server)
        form = next(one for one in all_of(page, w.Widget) if "sending.smtp.host" in getattr(one, "values", {}))
        test = button(page, "Test")
        assert not test.disabled
        form.put("sending.smtp.host", "elsewhere.test")
        assert test.disabled
        assert any(UNSAVED in line.value for line in all_of(page, w.HTML))
        form.put("sending.smtp.host", "127.0.0.1")
        assert not test.disabled

        fields = next(one for one in all_of(page, w.Widget) if "recipient" in getattr(one, "values", {}))
        fields.put("recipient", "b@there.test")
        test.click()
        shown = "".join(line.value for line in all_of(page, w.HTML))
        for text in ("Recipient", "530 5.7.0 log in", " s</span>", "What would mend it", "What was said"):
            assert text in shown
        assert "kAnArY" not in shown
        button(page, "Log in by authentication 'basic'").click()
        question = next(
            one for one in all_of(page, w.Widget) if "Authentication: anonymous" in getattr(one, "question", "")
        )
        question.answer(True)
        assert form.values["sending.smtp.authentication"] == "basic", "the form shows what was applied"
        shown = "".join(line.value for line in all_of(page, w.HTML))
        assert "Test again to see whether it works now." in shown
    running.admin.users.add("vera", "viewer", "a-long-passphrase")
    with running.connect("vera", "a-long-passphrase") as vera:
        panel = MailTestPanel(vera, Trouble())
        assert panel.button.disabled
        assert "That takes the role operator" in panel.line.value
    panel = MailTestPanel(server, Trouble())

    class EndsMeanwhile:
        def cancel(self) -> None:
            panel._idle()

    panel._test, panel._busy, panel.cancel.disabled = EndsMeanwhile(), True, False  # type: ignore[assignment]
    panel.cancel.click()
    assert panel.cancel.disabled, "nothing is left to be cancelled"


def test_what_hosts_say_is_shown_as_text() -> None:
    step = MailTestStep(
        number=1,
        kind="greeting",
        title="Greeting",
        host="<b>x</b>:25",
        state="failed",
        seconds=1.25,
        words="<script>alert(1)</script>",
        advice="<i>no</i>",
        option="",
    )
    html = steps_html([step])
    assert "<script>" not in html
    assert "<b>x</b>" not in html
    assert "<i>" not in html
    assert "1.25 s" in html

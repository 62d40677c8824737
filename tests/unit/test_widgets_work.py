"""Work off the main thread, questions, and errors that are seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import ipywidgets as w
import pytest

from trackkit.domain.errors import InvalidInput, NotLoggedIn, WrongLogin
from trackkit.widgets.confirm import confirm
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.show_python import python_of, set_options_call, whole
from trackkit.widgets.work import Progress, in_background, long_work


def in_a_kernel(scene: Callable[[], None], *, until: Callable[[], object], seconds: float = 5) -> None:
    """Run `scene` as a callback of a running event loop, as kernels do, and go on until something is true."""

    async def run() -> None:
        scene()
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "it never came true"
            await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_slow_server_freezes_nothing_and_what_follows_runs_here() -> None:
    release, seen, button, line = threading.Event(), [], w.Button(), w.HTML("an old error")
    here = threading.current_thread()

    def scene() -> None:
        in_background(line, slow, lambda result: seen.append((result, threading.current_thread())), busy=[button])
        assert seen == []
        assert button.disabled
        assert line.value == ""
        release.set()

    def slow() -> threading.Thread:
        assert release.wait(5), "the caller waited for the work"
        return threading.current_thread()

    in_a_kernel(scene, until=lambda: seen)
    ((worker, after),) = seen
    assert worker is not here
    assert after is here
    assert not button.disabled


@pytest.mark.parametrize("where", ["the work", "what follows"])
@pytest.mark.parametrize("place", [w.HTML, Trouble])
def test_errors_of_both_are_shown(where: str, place: Callable[[], w.HTML | Trouble]) -> None:
    shown, button = place(), w.Button()
    line = shown.line if isinstance(shown, Trouble) else shown

    def fail(*_: object) -> None:
        raise InvalidInput.of("host", "<is> wrong", "Write another.")

    def scene() -> None:
        in_background(shown, fail if where == "the work" else lambda: None, fail, busy=[button])

    in_a_kernel(scene, until=lambda: line.value)
    assert "host: &lt;is&gt; wrong" in line.value
    assert "Write another." in line.value
    assert not button.disabled


def test_a_control_that_was_disabled_before_stays_so() -> None:
    button, line = w.Button(disabled=True), w.HTML()
    in_background(line, lambda: 1, lambda _: None, busy=[button])
    assert button.disabled


def test_long_work_shows_how_far_it_is_and_ends_between_two_steps() -> None:
    box, line, steps, ended = w.VBox(), w.HTML(), [], []
    go_on = threading.Event()

    def work(progress: Progress) -> None:
        for step in range(1000):
            progress.report(step, 1000)
            steps.append(step)
            go_on.wait(0.01)

    def scene() -> None:
        progress = long_work(
            box, "Deleting 1,000 <messages>", line, work, ended.append, cancelled=lambda: ended.append("no")
        )
        assert box.children == (progress.widget,)

        def stop() -> None:
            bar = progress.widget.children[0].value
            assert 'role="status"' in bar
            assert "of 1,000" in bar
            assert "&lt;messages&gt;" in bar
            progress.cancel.click()
            assert progress.cancel.disabled

        asyncio.get_running_loop().call_later(0.1, stop)

    in_a_kernel(scene, until=lambda: ended)
    assert ended == ["no"]
    assert 0 < len(steps) < 1000
    assert box.children == ()
    assert line.value == ""


def test_work_without_steps_is_left_behind_at_once() -> None:
    box, line, left, given_up, done = w.VBox(), w.HTML(), [], [], []
    release = threading.Event()

    def work(_: Progress) -> str:
        assert release.wait(5)
        return "late"

    def scene() -> None:
        progress = long_work(
            box, "Connecting", line, work, done.append, cancelled=lambda: given_up.append(1), abandoned=left.append
        )
        progress.cancel.click()
        assert given_up == [1]
        assert box.children == ()
        release.set()

    in_a_kernel(scene, until=lambda: left)
    assert left == ["late"]
    assert done == []


def test_no_changes_nothing_and_only_the_first_answer_counts() -> None:
    box, done = w.VBox(), []
    question = confirm(
        box, "Delete 3 messages?", "Delete 3 messages", lambda: done.append("yes"), lambda: done.append("no")
    )
    assert box.children == (question,)
    question.answer(False)
    question.answer(True)
    assert done == ["no"]
    assert box.children == ()
    confirm(box, "Delete 3 messages?", "Delete", lambda: done.append("yes"))
    box.children[0]._handle_custom_msg({"yes": True}, [])
    assert done == ["no", "yes"]


@pytest.mark.parametrize("sent", [{"yes": "true"}, {"no": 1}, "yes", None, {}])
def test_what_is_no_answer_is_none(sent: object) -> None:
    box, done = w.VBox(), []
    question = confirm(box, "Delete?", "Delete", lambda: done.append(1))
    question._handle_custom_msg(sent, [])
    assert done == []
    assert box.children == (question,)


def test_an_ended_session_offers_the_log_in_and_a_wrong_password_does_not() -> None:
    trouble = Trouble(lambda: w.HTML("the log-in"))

    @shows_problems(trouble)
    def ended() -> None:
        raise NotLoggedIn("The session has ended.")

    @shows_problems(trouble)
    def wrong() -> None:
        raise WrongLogin("User name or password is wrong.", "Caps Lock?")

    ended()
    assert [child.value for child in trouble.widget.children[1:]] == ["the log-in"]
    assert 'role="alert"' in trouble.line.value
    wrong()
    assert len(trouble.widget.children) == 1
    assert "Caps Lock?" in trouble.line.value


def test_a_defect_shows_its_place_and_no_values() -> None:
    trouble = Trouble()
    shows_problems(trouble)(lambda: {}["a password"])()
    assert "KeyError at test_widgets_work.py:" in trouble.line.value
    assert "a password" not in trouble.line.value


def test_code_asks_for_secrets_and_is_python() -> None:
    from pydantic import SecretStr

    call = set_options_call(
        {"sending.smtp.password": SecretStr("s3cret"), "sending.smtp.host": "it's", "server.port": 1}
    )
    assert "s3cret" not in call
    code = whole(call)
    assert code.startswith("from getpass import getpass\n")
    compile(code, "code", "exec")
    assert '"sending.smtp.host": "it\'s"' in code
    assert python_of("trackkit.Connections.load()").code == "import trackkit\n\ntrackkit.Connections.load()"

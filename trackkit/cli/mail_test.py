"""``trackkit mail test``: the settings for sending, tested step by step, and in the end the change that mends them.

Exit code 0 = the settings work, 1 = they do not. Ctrl+C ends the test on the server, too.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, at_terminal
from trackkit.cli.choosing import on_server
from trackkit.cli.output import note, plain, say
from trackkit.domain.fixes import TRUST

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackkit.client import Server
    from trackkit.client.mail_test import SettingsTest
    from trackkit.contract.fixes import FixView
    from trackkit.contract.mail_tests import MailTestStep

_MOST_FIXES = 4
"""Applied one after the other, each followed by another test: a port, then its certificate, then a log-in."""

AsJsonLines = Annotated[
    bool, typer.Option("--json", help="Print each step as a line of JSON, and the whole test as the last one.")
]

_MARKS = {"done": "ok", "failed": "FAILED", "skipped": "skipped"}


@on_server
def mail_test(
    server: "Server",
    recipient: Annotated[str, typer.Option("--to", metavar="A", help="Whom the host shall take mail for.")] = "",
    sender: Annotated[
        str | None,
        typer.Option("--from", metavar="A", help="The sender; '' is the null sender. Else the mail account."),
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Also send the recipient a message.")] = False,
    as_json: AsJsonLines = False,
    yes: Yes = False,
) -> None:
    """Test the stored settings for sending, step by step; offers the change that mends them (asks first)."""
    test_and_mend(server, lambda: server.mail.test(recipient=recipient, sender=sender, send=send), as_json, yes)


def test_and_mend(server: "Server", begin: "Callable[[], SettingsTest]", as_json: bool, yes: bool) -> None:
    """Make a test, and again after each change that mends what failed; `typer.Exit` 1 when it does not work at last."""
    applied: list[FixView] = []
    while True:
        tested = _run(begin(), as_json)
        fix = None if as_json else chosen(tested, applied, yes=yes)
        if fix is None:
            break
        from trackkit.cli import fixing

        fixing.apply(server, fix, yes)
        applied.append(fix)
        say("Once more with that:")
    if not tested.works:
        raise typer.Exit(1)


def _run(tested: "SettingsTest", as_json: bool) -> "SettingsTest":
    """Print each step as it ends, then what the test came to."""
    try:
        for step in tested:
            if as_json:
                typer.echo(step.model_dump_json(ensure_ascii=True))
            else:
                _print(step)
    except KeyboardInterrupt:
        tested.cancel()
        note("Cancelled.")
        raise typer.Exit(1) from None
    if as_json:
        whole = tested.state.model_copy(update={"steps": tuple(tested.steps)})
        typer.echo(whole.model_dump_json(ensure_ascii=True))
        return tested
    for notice in tested.notices:
        say(f"\n{plain(notice.words)}\n  {plain(notice.advice)}")
    say(f"\n{plain(tested.verdict)}")
    for fix in tested.fixes:
        say(f"  Possible: {plain(fix.words)}")
    return tested


def _print(step: "MailTestStep") -> None:
    whom = f" ({plain(step.host)})" if step.host else ""
    say(f"{_MARKS.get(step.state, step.state):<8}{step.seconds:7.2f} s  {step.title}{whom}: {plain(step.words)}")
    if step.advice:
        say(f"{'':19}{plain(step.advice)}")


def chosen(tested: "SettingsTest", applied: "list[FixView]", *, yes: bool) -> "FixView | None":
    """The fix to be applied: the first that was not yet, which is asked about later; none where nobody can be asked.

    What merely could be better is not changed without being asked for, and neither is a certificate trusted that
    somebody between may have shown.
    """
    fix = next((one for one in tested.fixes if one not in applied), None)
    if fix is None or len(applied) >= _MOST_FIXES:
        return None
    if not yes:
        return fix if at_terminal() else None
    intercepted = any(notice.kind == "intercepted" for notice in tested.notices)
    return None if tested.works or (intercepted and fix.operation == TRUST) else fix

"""What is filed and noted of a mail that came in: safe HTML, who wrote it as far as anybody knows, what came back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trackkit.domain.tracking.authentication import has_failed
from trackkit.domain.tracking.failures import Failure
from trackkit.domain.tracking.filing import content_of
from trackkit.domain.tracking.incoming import parse
from trackkit.domain.tracking.kinds import Classified, MailKind
from trackkit.domain.tracking.outcomes import Mark, Sent, marks
from trackkit.domain.tracking.probe import message_id, token_in
from trackkit.domain.tracking.safe_html import safe_html

PIXEL = "data:image/png;base64,AAAA"


@pytest.mark.spec("8: HTML is made safe")
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<p>1 < 2 & <B>3</B>", "<p>1 &lt; 2 &amp; <b>3</b></p>"),
        ("<script>alert(1)</script><style>p{}</style>a<!-- b -->", "a"),
        ('<p onclick="x()" style="y" class=z id=w>a</p>', "<p>a</p>"),
        (
            '<a href="https://a.test/?x=1&y=2">b</a>',
            '<a href="https://a.test/?x=1&amp;y=2" rel="noopener noreferrer nofollow">b</a>',
        ),
        ('<a href="java&#115;cript:x()">b</a>', '<a rel="noopener noreferrer nofollow">b</a>'),
        (
            '<a href="cid:i">b</a><a href="data:text/html,x">c</a>',
            '<a rel="noopener noreferrer nofollow">b</a><a rel="noopener noreferrer nofollow">c</a>',
        ),
        ('<img src="cid:i" alt="a">', f'<img src="{PIXEL}" alt="a">'),
        ('<img src="http://spy.test/x.gif"><img src="cid:other"><img srcset="x">', "<img><img><img>"),
        ('<img src="data:image/svg+xml,x">', "<img>"),
        ("<iframe src=x></iframe><form><input name=a></form><object>o</object>b", "b"),
        ('<svg><script>x</script></svg><math href="x">m</math>b', "b"),
        ("<td colspan=999999999>a</td><base href=x><meta http-equiv=refresh>", "a"),
        ('<p title="a"b">x', "<p>x</p>"),
        ("<<p>x", "&lt;<p>x</p>"),
        ("<table><tr><td background='http://spy.test'>x", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
    ],
)
def test_html_is_made_safe(given: str, shown: str) -> None:
    assert safe_html(given, {"i": PIXEL}) == shown


@pytest.mark.parametrize(
    "costly",
    [
        "".join(f"<font color={n}>" for n in range(200)),
        "<div>" * 300,
        "<div><!--</div>-->" * 300,
        "<div><p title='</div>'>" * 300,
        "<b><img alt='</b>'>" * 300,
        "<table>" * 300,
        "x" * 300_001,
    ],
)
def test_html_that_is_made_to_be_costly_is_not_shown(costly: str) -> None:
    assert safe_html(costly, {}) is None
    content = content_of(parse(b"Content-Type: text/html\n\n" + costly.encode(), datetime(2026, 1, 1, tzinfo=UTC)))
    assert content.html == ""
    assert any("to be shown" in problem for problem in content.problems)


@pytest.mark.parametrize(
    ("said", "failed"),
    [
        ("", False),
        ("mx.test; none", False),
        ("mx.test; dmarc=pass; spf=fail; dkim=fail", False),
        ("mx.test; dmarc=fail (p=reject) header.from=a.test; spf=pass; dkim=pass", True),
        ("mx.test; spf=fail smtp.mailfrom=a.test; dkim=pass header.d=a.test", False),
        ("mx.test; spf=softfail smtp.mailfrom=a.test", True),
        ("mx.test; dkim=none; spf=neutral", False),
        ("mx.test; dkim=fail (dmarc=pass) header.d=a.test", True),
        ("mx.test; x-dmarc=fail", False),
    ],
)
def test_only_a_failure_is_acted_on(said: str, failed: bool) -> None:
    assert has_failed(said) is failed


def of(kind: MailKind, *failures: Failure) -> Classified:
    return Classified(kind, "a rule", failures)


def failed(recipient: str, action: str = "failed", hard: bool = True) -> Failure:
    return Failure(recipient, action, "5.1.1", 550, None, hard, "no such user")


BOB, CARL = Sent("bob@a.test", ""), Sent("carl@a.test", "")
BOUNCED = Mark(1, "bounce", "5.1.1", True, "no such user")


@pytest.mark.spec("8: a bounce marks its recipient, hard or soft, with the status; nobody gets it as an answer")
@pytest.mark.parametrize(
    ("found", "author", "recipient", "sent", "expected"),
    [
        (of(MailKind.bounce, failed("BOB@a.test")), "daemon@a.test", 0, {1: BOB, 2: CARL}, [BOUNCED]),
        # Passed on to another address: the cookie tells, or there is only one.
        (of(MailKind.bounce, failed("robert@b.test")), "", 1, {1: BOB, 2: CARL}, [BOUNCED]),
        (of(MailKind.bounce, failed("robert@b.test")), "", 0, {1: BOB}, [BOUNCED]),
        (of(MailKind.bounce, failed("robert@b.test")), "", 0, {1: BOB, 2: CARL}, []),
        (of(MailKind.bounce), "", 2, {1: BOB, 2: CARL}, [Mark(2, "bounce", "", False, "")]),
        (
            of(MailKind.delay, failed("bob@a.test", "delayed")),
            "",
            0,
            {1: BOB},
            [Mark(1, "delay", "5.1.1", None, "no such user")],
        ),
        (of(MailKind.human), "carl@a.test", 0, {1: BOB, 2: CARL}, [Mark(2, "human", "", None, "")]),
        (of(MailKind.automatic), "bob@a.test", 0, {1: Sent("bob@a.test", "human")}, []),
        (of(MailKind.human), "bob@a.test", 0, {1: Sent("bob@a.test", "automatic")}, [Mark(1, "human", "", None, "")]),
        (of(MailKind.delivered), "", 1, {1: Sent("bob@a.test", "bounce")}, []),
        (of(MailKind.human), "eve@c.test", 0, {1: BOB, 2: CARL}, []),
    ],
)
def test_what_came_back_is_noted_with_whom_it_came_from(
    found: Classified, author: str, recipient: int, sent: dict[int, Sent], expected: list[Mark]
) -> None:
    assert marks(found, author, recipient, sent) == expected


def test_a_probe_is_known_by_its_message_id() -> None:
    assert token_in(message_id("0123456789abcdef", "a.test")) == "0123456789abcdef"
    assert token_in("<tkprobe.short@a.test>") is None
    assert token_in("<x@a.test>") is None

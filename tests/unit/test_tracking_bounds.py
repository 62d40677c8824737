"""Nothing that a mail can hold costs much: the corpus and bombs, read for filing, each in bounded time and memory.

One process reads them all, as the server's import does. Time is that of the processor, memory that of the mail itself
and of what reading it adds to the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import corpus
from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking.cookie import Keys, Tracked, make
from trackkit.domain.tracking.decision import Place, Where

SECONDS = 5
MEGABYTES = 256

READER = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
from tests.unit.test_tracking_bounds import bombs, place
from tests import corpus
from trackkit.domain.tracking.inbox import InboxState
from trackkit.services.importing import read
from trackkit.services.tracking_where import Present
from trackkit.store.inbox_decisions import Fetched

def size(name):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(name + ":")[2].split()[0]) / 1024

def read_all(mails):
    for name, raw in mails:
        Path("/proc/self/clear_refs").write_text("5")  # the largest size is counted anew
        before, begun = size("VmRSS"), time.process_time()
        one = read(Fetched(1, "m", "", raw, datetime(2026, 1, 1, tzinfo=UTC), InboxState.fetched, 0), here)
        seconds = time.process_time() - begun
        yield name, seconds, len(raw) / 2**20 + size("VmHWM") - before, one.decision.judgements[-1].rule, bool(one.case)
        one = None

here = Present(place(), {})
list(read_all([("warm", b"From: a@b.test\\nContent-Type: text/html\\n\\n<p>x")]))
found = list(read_all(corpus.everything().items()))
found += read_all(("bomb: " + name, raw) for name, raw in bombs())
json.dump(found, sys.stdout)
"""


def place() -> Where:
    """Where they come in: a server with one project, whose cookie each of the bombs carries."""
    return Where("m", lambda address: False, {"p": Place("p", True, "m")}, Keys(0, {0: b"k" * 32}), "server")


def bombs() -> Iterator[tuple[str, bytes]]:
    """Mails made to be costly, made one after the other."""
    where = place()
    cookie = make(Tracked("p", Kind.defect, 1, 1, 1), where.keys, where.server)
    head = f"From: a@b.test\nIn-Reply-To: <{cookie}@b.test>\n".encode()
    html = head + b"Content-Type: text/html\n\n"
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(5_000))
    yield "nested parts", head + nested
    yield "headers", head + b"X: y\n" * 100_000 + b"\n"
    yield "boundary lines", head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 2_000_000
    yield "encoded words", head + b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\n"
    yield "100 MB", head + b"\n" + b"a line of some length\r\n" * 4_500_000
    yield (
        "an attachment of 35 MB",
        (head + b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * 19 * 480_000),
    )
    yield "open marks", html + b"".join(b"<font color=%d>" % n for n in range(20_000)) + b"<p>x" * 30_000
    yield "deep", html + b"<div>" * 100_000
    yield "hidden ends", html + b"<div><!--</div>-->" * 16_000
    yield "attributes", html + b"<p " + b"a " * 145_000
    yield "a long tag", html + b"<" + b"a" * 290_000
    yield "a long word where attributes are", html + b"<p '" + b"a" * 290_000 + b"'>"
    yield "declarations", html + b"<![CDATA[" * 33_000
    yield "quotes", head + b"\n" + b">" * 20 + b" x\n> On 1 May, Ann wrote:\n" * 20_000
    yield (
        "receipts",
        head + b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822; a@b.test\n" * 50_000,
    )


@pytest.mark.corpus
@pytest.mark.skipif(not corpus.FOLDER.is_dir(), reason=corpus.MISSING)
@pytest.mark.spec(
    "8: the poller: whatever mail comes is filed or quarantined, its bytes kept, and the next one fetched"
)
def test_each_mail_is_read_within_its_bounds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READER],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRACKKIT_CORPUS": str(corpus.FOLDER)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 500
    assert [one for one in found if one[1] > SECONDS or one[2] > MEGABYTES] == []
    assert [name for name, *_, rule, _ in found if rule == "readable"] == [], "none is beyond reading"
    assert [name for name, *_, filed in found if name.startswith("bomb:") and not filed] == []

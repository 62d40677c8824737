"""A server with something to report on, reports of one's own, and a browser to open the pages with."""

from __future__ import annotations

import pytest

from tests.browser.conftest import browser
from tests.conftest import Start
from tests.running import RunningServer
from trackkit.domain.errors import WrongLogin

__all__ = ["browser"]

CANARY = "canary <&> \"7'"
"""The password of the user who asks for reports; never to be seen anywhere."""

SCRIPT = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"


@pytest.fixture(scope="module")
def office(start_for_module: Start) -> RunningServer:
    """Mail in several states, subjects and log entries made of script, and the users rita and vera (viewers)."""
    server = start_for_module(options={"sending.paused": True})
    for number in range(12):
        raw = f"Subject: {SCRIPT}\r\n\r\n{number}\r\n".encode()
        domain = ("example.org", "mail.example.com", "x.test")[number % 3]
        server.admin.mail.submit(raw, sender="a@example.org", recipients=[f"b{number}@{domain}"])
    server.admin.mail.hold(list(server.admin.mail.frame().queue_id[:4]))
    for name in ("rita", "vera"):
        server.admin.users.add(name, "viewer", CANARY)
    with pytest.raises(WrongLogin):
        server.connect(SCRIPT[:60], CANARY)  # the log says as whom
    return server

"""Fetching mail beside fetchmail and bare poplib: how many mails a second leave the same Dovecot.

trackkit stores each, finds its record by the cookie, files it there durably, forwards it to who wrote first, and
deletes it at the host; fetchmail hands each to a command that does nothing; poplib throws each away. All in turns in
the same run, on the same disk. Printed as one table, with the CPU time of each, which other programs disturb less; the
host's is in none.
"""

from __future__ import annotations

import os
import poplib
import pwd
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import trustme

from tests.peers import dovecot as dovecot_peer
from tests.peers.dovecot import Dovecot
from tests.running import RunningServer, start_server

MAILS = 5000
ROUNDS = 3
SECRET = "open sesame"
REPLY = """\
From: Carl <carl@customer.test>
To: track@here.test
Subject: Re: It stops
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <{number}@customer.test>
In-Reply-To: {original}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

It still stops, about once an hour. This is answer {number}.

On Monday, Ada wrote:
> Does it stop at once, or after a while?
"""


def fill(dovecot: Dovecot, name: str, original: str, lot: int) -> None:
    """Lay the mails into a mailbox."""
    folder, owner = dovecot.root / "mail" / name, pwd.getpwnam("nobody")
    for part in ("", "new", "cur", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        os.chown(folder / part, owner.pw_uid, owner.pw_gid)
    for number in range(MAILS):
        path = folder / "new" / f"{1_700_000_000 + number}.{lot}"
        path.write_text(REPLY.format(number=f"{lot}.{number}", original=original))
        os.chown(path, owner.pw_uid, owner.pw_gid)


def cpu_of(pid: int) -> float:
    """Seconds that a process has computed, and those that it has started."""
    process = psutil.Process(pid)
    used = [process.cpu_times(), *(child.cpu_times() for child in process.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in used)


def cpu_of_children() -> float:
    """Seconds that programs have computed that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_poplib(port: int) -> None:
    """RETR and DELE, one after the other, and nothing else."""
    host = poplib.POP3("127.0.0.1", port)
    host.user("poplib")
    host.pass_(SECRET)
    for number in range(1, host.stat()[0] + 1):
        host.retr(number)
        host.dele(number)
    host.quit()


def by_fetchmail(port: int, folder: Path) -> None:
    """Each mail to a command that reads it and does nothing."""
    settings = folder / "fetchmailrc"
    settings.write_text(
        f'poll 127.0.0.1 protocol POP3 service {port} uidl username fetchmail password "{SECRET}" sslproto "" fetchall '
        'mda "cat >/dev/null"\n'
    )
    settings.chmod(0o600)
    command = [
        "fetchmail",
        "-f",
        str(settings),
        "--silent",
        "--pidfile",
        str(folder / "pid"),
        "-i",
        str(folder / "ids"),
    ]
    subprocess.run(command, check=True, env={**os.environ, "HOME": str(folder)}, stdout=subprocess.DEVNULL)


def tracked(server: RunningServer) -> str:
    """A project that tracks, a record, an e-mail that was sent from it: its Message-ID."""
    admin = server.admin
    admin.databases.create("pumps", administrator_password=SECRET)
    admin.tracking.set("pumps", {"tracking": True})
    with admin.project("pumps", "administrator", SECRET) as project:
        commands = [f"defect.{verb}" for verb in ("view", "view_mail", "send_mail")]
        project.add("group", name="Correspondents", commands=commands)
        project.add("user", name="ada", email="ada@here.test", groups=["Correspondents"], password=SECRET)
        defect = project.add("defect", title="It stops").key
    with admin.project("pumps", "ada", SECRET) as project:
        sent = project.mail.send(f"defect {defect}", ["carl@customer.test"], "It stops", "Does it stop at once?")
        return str(project.mail.show(sent.number).message_id)


@pytest.mark.timeout(1800)
def test_mails_fetched_and_filed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if reason := dovecot_peer.missing():
        pytest.skip(reason)
    if shutil.which("fetchmail") is None:
        pytest.skip("needs fetchmail (Debian: apt-get install fetchmail)")
    cert = trustme.CA().issue_cert("127.0.0.1")
    pem = cert.private_key_pem.bytes() + cert.cert_chain_pems[0].bytes()
    accounts = dict.fromkeys(("track", "fetchmail", "poplib"), SECRET)
    dovecot = dovecot_peer.start(accounts, pem, token_info="http://127.0.0.1:9")
    options = {
        "sending.smtp.host": "127.0.0.1",
        "sending.paused": True,
        "tracking.enabled": True,
        "tracking.host": "127.0.0.1",
        "tracking.port": dovecot.pop3,
        "tracking.encryption": "none",
        "tracking.username": "track",
        "tracking.password": SECRET,
        "tracking.address": "track@here.test",
        "tracking.poll_interval": 86_400,
    }
    data = Path(tempfile.mkdtemp(prefix="tk-")) / "data"
    server = start_server(data, options)
    try:
        original = tracked(server)
        server.admin.tracking.poll()
        seconds: dict[str, list[float]] = {"poplib": [], "fetchmail": [], "trackkit": []}
        work = {
            "poplib": time.process_time,
            "fetchmail": cpu_of_children,
            "trackkit": lambda: cpu_of(server.process.pid),
        }
        worked = dict.fromkeys(work, 0.0)
        for lot in range(ROUNDS):
            for name, account in (("poplib", "poplib"), ("fetchmail", "fetchmail"), ("trackkit", "track")):
                fill(dovecot, account, original, lot)
                started, before = time.perf_counter(), work[name]()
                if name == "poplib":
                    by_poplib(dovecot.pop3)
                elif name == "fetchmail":
                    by_fetchmail(dovecot.pop3, tmp_path)
                else:
                    (polled,) = server.admin.tracking.poll().mailboxes
                    assert (polled.fetched, polled.removed, polled.words) == (MAILS, MAILS, "")
                seconds[name].append(time.perf_counter() - started)
                worked[name] += work[name]() - before
                assert dovecot.mails(account) == [], name
        assert server.admin.tracking.status().counts == {"attached": MAILS * ROUNDS}
    finally:
        server.stop()
        shutil.rmtree(data.parent)
        dovecot.stop()
    rates = {name: MAILS / statistics.median(found) for name, found in seconds.items()}
    with capsys.disabled():
        print(f"\n\nPOP3, {MAILS:,} mails of {len(REPLY):,} octets from Dovecot, {ROUNDS} rounds, median")
        for name, rate in rates.items():
            cpu = worked[name] / MAILS / ROUNDS * 1e6
            print(
                f"  {name:10} {rate:8,.0f}/s   {rate / rates['fetchmail']:5.1f} x fetchmail   {cpu:6,.0f} us CPU a mail"
            )

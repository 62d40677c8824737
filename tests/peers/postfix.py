"""A real Postfix of the tests' own: takes mail for one domain on a free loopback port and delivers it to a Maildir.

Its configuration, queue and data lie in a temporary folder; the system's Postfix, running or not, is not touched.
Only root can start one. `start` raises `RuntimeError` with Postfix's own log when it does not come up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.peers.namespace import Namespace
from tests.ports import accepts, free_port

DOMAIN = "postfix.test"

# Set away from the defaults only where a mail would else be changed, limited or refused for what it is.
MAIN_CF = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
biff = no
smtputf8_enable = no
alias_maps =

virtual_mailbox_domains = {domain}
virtual_mailbox_base = {root}/maildirs
virtual_mailbox_maps = regexp:{root}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
# Nothing leaves this machine whatever a test sends.
default_transport = error:this Postfix delivers to {domain} only

# Mails pass unchanged.
local_header_rewrite_clients =
message_drop_headers =
enable_original_recipient = no
disable_mime_input_processing = yes
header_size_limit = 10240000
hopcount_limit = 1000
message_size_limit = 104857600
# Tests open many connections at once and make many mistakes on purpose.
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
in_flow_delay = 0
"""

# Every local part is known but those beginning with "nobody". One Maildir takes all (virtual(8) substitutes nothing):
# each mail tells its recipient in the Delivered-To line that is put before it.
MAILBOXES = """
if !/^nobody/
/^[a-z0-9.+-]+@{pattern}$/ all/
endif
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running instance."""

    root: Path
    port: int

    def address(self, name: str) -> str:
        """An address it delivers; names that begin with "nobody" are refused with 550 5.1.1."""
        return f"{name}@{DOMAIN}"

    def delivered(self) -> dict[str, list[bytes]]:
        """Every mail in the Maildir as it lies there, oldest first, by the local part of its recipient."""
        files = (self.root / "maildirs" / "all" / "new").glob("*")
        mails: dict[str, list[bytes]] = {}
        for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
            raw = path.read_bytes()
            recipient = re.search(rb"^Delivered-To: (.+)@", raw, re.MULTILINE)
            assert recipient is not None, raw[:500]
            mails.setdefault(recipient[1].decode(), []).append(raw)
        return mails

    def empty(self) -> None:
        """Remove every delivered mail."""
        for path in (self.root / "maildirs" / "all" / "new").glob("*"):
            path.unlink()

    def in_queue(self) -> int:
        """How many mails it has accepted and not yet delivered."""
        folders = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
        return sum(path.is_file() for folder in folders for path in (self.root / "queue" / folder).rglob("*"))

    def log(self) -> str:
        """What it logged so far."""
        return (self.root / "log").read_text(errors="replace") if (self.root / "log").exists() else ""

    def stop(self) -> None:
        """Stop it, its children too, and remove its folder."""
        _postfix(self.root, "stop")
        shutil.rmtree(self.root)


QUEUE = "active bounce corrupt defer deferred flush hold incoming private saved trace"


def missing() -> str:
    """Why no Postfix can be started here; ``""`` when one can."""
    if shutil.which("postfix", path=_path()) is None:
        return "needs Postfix (Debian: apt-get install postfix)"
    return "" if os.geteuid() == 0 else "needs root: only root can start Postfix"


def start(main: str = "", master: str = "", tls_pem: bytes = b"", net: Namespace | None = None) -> Postfix:
    """Start an instance and wait until it greets.

    Parameters
    ----------
    main, master: further lines of main.cf and master.cf; ``{root}`` is the instance's folder.
    tls_pem: key and certificate chain, to be found in ``{root}/etc/tls.pem``.
    net: where to run, if it is not this network.
    """
    import pwd

    mailbox_owner = pwd.getpwnam("nobody")
    root = Path(tempfile.mkdtemp(prefix="trackkit-postfix-"))
    root.chmod(0o755)
    for folder in ("etc", "queue", "data", "maildirs"):
        (root / folder).mkdir()
    shutil.chown(root / "data", "postfix")
    _make_queue(root / "queue")
    os.chown(root / "maildirs", mailbox_owner.pw_uid, mailbox_owner.pw_gid)
    port = free_port()
    values = {"root": root, "domain": DOMAIN, "uid": mailbox_owner.pw_uid, "gid": mailbox_owner.pw_gid, "port": port}
    (root / "etc" / "main.cf").write_text((MAIN_CF + main).format(**values))
    (root / "etc" / "master.cf").write_text((MASTER_CF + master).format(**values))
    (root / "etc" / "mailboxes").write_text(MAILBOXES.format(pattern=DOMAIN.replace(".", r"\.")))
    (root / "etc" / "tls.pem").write_bytes(tls_pem)
    postfix = Postfix(root, port)
    started = _postfix(root, "start", net.prefix_of_peers if net else ())
    deadline = time.monotonic() + 20
    while not (net.accepts(port) if net else accepts(port)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Postfix did not come up.\n{started.stdout}{started.stderr}\n{postfix.log()}")
        time.sleep(0.05)
    return postfix


def _make_queue(queue: Path) -> None:
    """The folders of a queue, as Postfix's script makes them: it takes seconds, unless they are there."""
    for name in QUEUE.split():
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", "postdrop")
        (queue / name).chmod(mode)
    (queue / "pid").mkdir()


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _postfix(root: Path, command: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, "postfix", "-c", str(root / "etc"), command],
        env={**os.environ, "PATH": _path()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

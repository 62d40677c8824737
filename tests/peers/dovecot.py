"""A real Dovecot of the tests' own: POP3 on free loopback ports, and log-ins for a Postfix (SASL).

Its configuration, mailboxes and sockets lie in a temporary folder; the system's Dovecot, running or not, is not
touched. Only root can start one. `start` raises `RuntimeError` with Dovecot's own log when it does not come up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.peers.namespace import Namespace
from tests.ports import accepts, free_port

CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
auth_verbose = yes
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{root}/tls.pem
ssl_key = <{root}/tls.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 xoauth2
auth_username_chars =
auth_failure_delay = 0
mail_location = maildir:{root}/mail/%n
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
pop3_fast_size_lookups = yes
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service auth {{
  unix_listener {root}/sasl/auth {{
    mode = 0666
  }}
}}
# No waiting after log-ins that fail.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {root}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5
  args = scheme=PLAIN username_format=%u {root}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%n allow_all_users=yes
}}
"""

OAUTH2 = """
tokeninfo_url = {url}?access_token=
username_attribute = email
"""


@dataclass(frozen=True)
class Dovecot:
    """A running instance."""

    root: Path
    pop3: int
    pop3s: int
    process: subprocess.Popen[bytes]

    @property
    def sasl(self) -> Path:
        """The socket at which a Postfix asks about log-ins."""
        return self.root / "sasl" / "auth"

    def put(self, user: str, raw: bytes) -> None:
        """Lay a mail into a mailbox."""
        folder = self.root / "mail" / user
        owner = pwd.getpwnam("nobody")
        parts = [folder / name for name in ("new", "cur", "tmp")]
        for part in parts:
            part.mkdir(parents=True, exist_ok=True)
        path = parts[0] / f"{time.time_ns()}.test"
        path.write_bytes(raw)
        for made in (self.root / "mail", folder, *parts, path):
            os.chown(made, owner.pw_uid, owner.pw_gid)

    def mails(self, user: str) -> list[bytes]:
        """What lies in a mailbox."""
        folder = self.root / "mail" / user
        return [path.read_bytes() for name in ("new", "cur") for path in sorted((folder / name).glob("*"))]

    def log(self) -> str:
        """What it logged so far."""
        return (self.root / "log").read_text(errors="replace") if (self.root / "log").exists() else ""

    def stop(self) -> None:
        """Kill it and its children, and remove its folder: stopped in order it waits for them for seconds."""
        with suppress(psutil.NoSuchProcess):
            master = psutil.Process(self.process.pid)
            for one in (master, *master.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        self.process.wait(20)
        shutil.rmtree(self.root)


def missing() -> str:
    """Why no Dovecot can be started here; ``""`` when one can."""
    if shutil.which("dovecot", path=_path()) is None or not Path("/usr/lib/dovecot/pop3").exists():
        return "needs Dovecot (Debian: apt-get install dovecot-core dovecot-pop3d)"
    return "" if os.geteuid() == 0 else "needs root: only root can start Dovecot"


def start(
    accounts: Mapping[str, str], tls_pem: bytes, token_info: str, more: str = "", net: Namespace | None = None
) -> Dovecot:
    """Start an instance and wait until it listens.

    Parameters
    ----------
    accounts: passwords by name.
    tls_pem: certificate chain and key.
    token_info: where to ask about access tokens.
    more: further lines of its configuration; ``{root}`` is the instance's folder.
    net: where to run, if it is not this network.
    """
    owner = pwd.getpwnam("nobody")
    root = Path(tempfile.mkdtemp(prefix="trackkit-dovecot-"))
    root.chmod(0o755)
    for folder in ("run", "state", "sasl", "mail"):
        (root / folder).mkdir()
    os.chown(root / "mail", owner.pw_uid, owner.pw_gid)
    ports = {"pop3": free_port(), "pop3s": free_port()}
    (root / "tls.pem").write_bytes(tls_pem)
    (root / "users").write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in accounts.items()))
    (root / "oauth2.conf").write_text(OAUTH2.format(url=token_info))
    config = root / "dovecot.conf"
    config.write_text((CONFIG + more).format(root=root, uid=owner.pw_uid, gid=owner.pw_gid, **ports))
    process = subprocess.Popen(
        [*(net.prefix_of_peers if net else ()), "dovecot", "-F", "-c", str(config)],
        env={**os.environ, "PATH": _path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(root / "stderr").open("wb"),
    )
    dovecot = Dovecot(root, process=process, **ports)
    deadline = time.monotonic() + 20
    is_open = net.accepts if net else accepts
    while not (is_open(ports["pop3"]) and is_open(ports["pop3s"]) and dovecot.sasl.exists()):
        if time.monotonic() > deadline or process.poll() is not None:
            said = (root / "stderr").read_text(errors="replace")
            raise RuntimeError(f"Dovecot did not come up.\n{said}\n{dovecot.log()}")
        time.sleep(0.05)
    return dovecot


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

"""A real Exim of the tests' own: takes mail on free loopback ports, with and without log-in, and keeps it in its spool.

Debian's package cannot be installed beside Postfix, so it is unpacked into ``build/peers`` (`.ci/run` does it); one on
the PATH serves as well. Configuration and spool lie in a temporary folder. Only root can start one. `start` raises
`RuntimeError` with Exim's own words when it does not come up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.peers.namespace import Namespace
from tests.ports import accepts, free_port, wait_until

UNPACKED = Path(__file__).parents[2] / "build" / "peers" / "usr" / "sbin" / "exim4"
METHODS = ("anonymous", "PLAIN", "LOGIN", "CRAM-MD5")

CONFIG = """
exim_path = {exim}
exim_user = {uid}
exim_group = {gid}
spool_directory = {root}/spool
log_file_path = {root}/%slog
primary_hostname = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {ports}
tls_on_connect_ports = {tls_ports}
tls_advertise_hosts = *
tls_certificate = {root}/tls.pem
tls_privatekey = {root}/tls.pem
auth_advertise_hosts = *
queue_only = true
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept condition = ${{if inlist{{$received_port}}{{{open_ports}}}}}
  accept authenticated = *
  deny message = relay not permitted without log-in
begin authenticators
{authenticators}
"""

_SECRET = "${{lookup{{{name}}}lsearch{{{root}/users}}{{$value}}fail}}"
_COMPARE = "${{if eq{{{secret}}}{{{given}}}{{yes}}{{no}}}}"


def _authenticator(method: str, root: Path, ports: str) -> str:
    lines = [f"{method.lower().replace('-', '_')}:", f"  public_name = {method}"]
    if method == "CRAM-MD5":
        lines += ["  driver = cram_md5", f"  server_secret = {_SECRET.format(name='$auth1', root=root)}"]
        lines += ["  server_set_id = $auth1"]
    else:
        user, password = ("$auth2", "$auth3") if method == "PLAIN" else ("$auth1", "$auth2")
        secret = _SECRET.format(name=user, root=root)
        lines += ["  driver = plaintext", f"  server_condition = {_COMPARE.format(secret=secret, given=password)}"]
        lines += [f"  server_set_id = {user}"]
        lines += ["  server_prompts = :" if method == "PLAIN" else "  server_prompts = Username:: : Password::"]
    lines += [f"  server_advertise_condition = ${{if inlist{{$received_port}}{{{ports}}}}}"]
    return "\n".join(lines)


@dataclass(frozen=True)
class Exim:
    """A running instance.

    `ports` and `tls_ports` (TLS from the start) are by the only method of log-in that is offered there.
    """

    root: Path
    ports: Mapping[str, int]
    tls_ports: Mapping[str, int]
    process: subprocess.Popen[bytes]

    def taken(self, text: bytes) -> str:
        """What Exim wrote down (envelope, log-in, TLS, header) about the mail with this in its body; ``""`` = none."""
        for body in (self.root / "spool" / "input").rglob("*-D"):
            if text in body.read_bytes():
                header = body.with_name(body.name[:-1] + "H")
                return header.read_text(errors="replace") if header.exists() else ""
        return ""

    def log(self) -> str:
        """What it logged so far."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.root.glob("*log")))

    def stop(self) -> None:
        """Stop it, its children too, and remove its folder: one that ends a moment later would write its log anew."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
        wait_until(self._is_gone, what="the end of Exim's children")
        shutil.rmtree(self.root)

    def _is_gone(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def _program() -> str | None:
    return str(UNPACKED) if UNPACKED.exists() else shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def missing() -> str:
    """Why no Exim can be started here; ``""`` when one can."""
    if _program() is None:
        return "needs Exim in build/peers (.ci/run unpacks it) or as exim4 on the PATH"
    return "" if os.geteuid() == 0 else "needs root: only root can start Exim"


def start(accounts: Mapping[str, str], tls_pem: bytes, net: Namespace | None = None) -> Exim:
    """Start an instance, in another network if one is given, and wait until it listens on all its ports."""
    owner = pwd.getpwnam("nobody")
    root = Path(tempfile.mkdtemp(prefix="trackkit-exim-"))
    root.chmod(0o755)
    (root / "spool").mkdir()
    (root / "tls.pem").write_bytes(tls_pem)
    (root / "users").write_text("".join(f"{name}: {password}\n" for name, password in accounts.items()))
    ports = {method: free_port() for method in METHODS}
    tls_ports = {method: free_port() for method in METHODS}
    both = {method: f"{ports[method]}:{tls_ports[method]}" for method in METHODS}
    config = root / "exim.conf"
    config.write_text(
        CONFIG.format(
            exim=_program(),
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            root=root,
            ports=":".join(both.values()),
            tls_ports=":".join(map(str, tls_ports.values())),
            open_ports=both["anonymous"],
            authenticators="\n".join(_authenticator(m, root, both[m]) for m in METHODS if m != "anonymous"),
        )
    )
    config.chmod(0o600)
    for path in (root, root / "spool", root / "users", root / "tls.pem"):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    process = subprocess.Popen(
        [*(net.prefix_of_peers if net else ()), _program() or "", "-C", str(config), "-bdf"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(root / "stderr").open("wb"),
        start_new_session=True,
    )
    exim = Exim(root, ports, tls_ports, process)
    deadline = time.monotonic() + 20
    is_open = net.accepts if net else accepts
    while not all(is_open(port) for port in (*ports.values(), *tls_ports.values())):
        if time.monotonic() > deadline or process.poll() is not None:
            said = (root / "stderr").read_text(errors="replace")
            raise RuntimeError(f"Exim did not come up.\n{said}\n{exim.log()}")
        time.sleep(0.05)
    return exim

"""A real PostgreSQL cluster of the tests' own, on a free loopback port, in a temporary folder.

`start` raises `RuntimeError` with the server's own log when it does not come up. Started as root it runs as the
account `nobody`, because PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

USER = "trackkit"


@dataclass
class Cluster:
    """A running cluster; everybody on this machine may log in as its superuser."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]
    arguments: tuple[str, ...]

    def url(self, database: str) -> str:
        """Where that database is, for `trackkit server run --database-url`."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """A new database, empty or a copy of one that nobody uses; its URL."""
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, ending its sessions."""
        self.sql(f'DROP DATABASE "{database}" WITH (FORCE)')

    def sql(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def halt(self) -> None:
        """Stop at once, like a power cut; `resume` starts it again on the same data."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def resume(self) -> None:
        """Start again and wait until it answers."""
        self.process = _launch(self.root, self.port, self.arguments)
        _wait(self)

    def stop(self) -> None:
        """Stop at once (nothing in it outlives the tests) and remove its folder."""
        if self.process.poll() is None:
            self.halt()
        shutil.rmtree(self.root)


def missing() -> str:
    """Why no cluster can be made here; ``""`` when one can."""
    return "" if _programs() else "needs PostgreSQL's server programs (Debian: apt-get install postgresql)"


def start(*, fsync: bool = False) -> Cluster:
    """Make a cluster and wait until it answers. `fsync` only for tests about durability: it is slow."""
    programs = _programs()
    assert programs is not None, missing()
    root = Path(tempfile.mkdtemp(prefix="trackkit-postgres-"))
    root.chmod(0o755)
    account = _account()
    if account is not None:
        os.chown(root, *account)
    made = subprocess.run(
        [programs / "initdb", "-D", root / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        capture_output=True,
        text=True,
        check=False,
        **_as(account),
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200}
    if not fsync:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    arguments = tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
    cluster = Cluster(root, port, _launch(root, port, arguments), arguments)
    _wait(cluster)
    return cluster


def _launch(root: Path, port: int, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """The server process on the cluster in `root`."""
    programs = _programs()
    assert programs is not None, missing()
    with (root / "log").open("ab") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", root / "data", "-c", f"port={port}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **_as(_account()),
        )


def _wait(cluster: Cluster) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            return cluster.sql("SELECT 1")
        except psycopg.OperationalError as error:
            if cluster.process.poll() is not None or time.monotonic() > deadline:
                log = (cluster.root / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not come up.\n{log}") from error
            time.sleep(0.05)


def _programs() -> Path | None:
    """The folder with initdb and postgres; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _account() -> tuple[int, int] | None:
    """User and group to run as; none = as we are."""
    if os.geteuid() != 0:
        return None
    import pwd

    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _as(account: tuple[int, int] | None) -> dict[str, object]:
    """Arguments for subprocess: that account, and a folder it may enter."""
    if account is None:
        return {}
    return {"user": account[0], "group": account[1], "extra_groups": [], "cwd": "/"}

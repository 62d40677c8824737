"""The data folder: who may enter it, the server's keys, and the lock that keeps a second server out.

Everything here is owner-only (0700, 0600). Fails with `Unavailable` or `Conflict`, saying what to do.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trackkit.domain.errors import Conflict, Unavailable

_VALID: Final = datetime.timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one server lies."""

    path: Path

    @property
    def database(self) -> Path:
        """The main database on SQLite."""
        return self.path / "trackkit.db"

    @property
    def log_database(self) -> Path:
        """The log's database on SQLite."""
        return self.path / "log.db"

    @property
    def log_search(self) -> Path:
        """The log's search index on SQLite; it can be deleted and is made again."""
        return self.path / "log-search.db"

    @property
    def certificate(self) -> Path:
        """The server's certificate (PEM)."""
        return self.path / "tls-cert.pem"

    @property
    def private_key(self) -> Path:
        """The certificate's key (PEM)."""
        return self.path / "tls-key.pem"

    @property
    def secret_key(self) -> Path:
        """The key that seals secret options."""
        return self.path / "secret.key"

    @property
    def startup_log(self) -> Path:
        """What went wrong while starting, in plain text."""
        return self.path / "startup.log"

    @property
    def socket(self) -> Path:
        """The owner-only local socket."""
        return self.path / "local.sock"


def prepare(path: Path) -> Folder:
    """Make the folder, its keys and its certificate where they are missing."""
    folder = Folder(path.resolve())
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"The data folder {folder.path} cannot be made: {error.strerror}", "Choose another one."
        ) from error
    if os.name == "posix":
        _refuse_shared(folder.path)
    _once(folder.secret_key, Fernet.generate_key)
    if not folder.certificate.exists():
        _make_certificate(folder)
    return folder


def _refuse_shared(path: Path) -> None:
    status = path.stat()
    if status.st_uid != os.getuid():
        raise Unavailable(f"The data folder {path} belongs to another account.", "Start the server as its owner.")
    if status.st_mode & 0o077:
        raise Unavailable(f"Other accounts can look into the data folder {path}.", f"Run: chmod 700 {path}")


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Hold the folder for this process; `Conflict` when another server has it."""
    with (folder.path / "lock").open("a+") as file:
        try:
            _lock(file.fileno())
        except OSError:
            raise Conflict(
                f"Another server is running on the data folder {folder.path}.", "Stop it, or choose another folder."
            ) from None
        yield


def _lock(descriptor: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]


def _once(path: Path, content: Callable[[], bytes]) -> None:
    """Write a secret file if it is not there; it is never visible to others, not even for a moment."""
    if path.exists():
        return
    aside = path.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content())
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _make_certificate(folder: Folder) -> None:
    """A self-signed certificate for this machine; clients pin it at first use."""
    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname() or "localhost"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"trackkit {host}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in dict.fromkeys((host, "localhost")) if n.isascii()]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clients' clocks may be behind
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _once(folder.private_key, lambda: private)
    if folder.private_key.read_bytes() != private:
        folder.private_key.unlink()
        _once(folder.private_key, lambda: private)
    _once(folder.certificate, lambda: certificate.public_bytes(serialization.Encoding.PEM))


def fingerprint(folder: Folder) -> str:
    """SHA-256 of the server's certificate, as clients show and pin it: ``sha256:`` and 64 hex digits."""
    certificate = x509.load_pem_x509_certificate(folder.certificate.read_bytes())
    return f"sha256:{certificate.fingerprint(hashes.SHA256()).hex()}"

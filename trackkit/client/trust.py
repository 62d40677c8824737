"""`server.trust`: certificates of mail hosts that do not verify, and those that are trusted all the same."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from trackkit.client.call import Caller
from trackkit.contract import trust
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


class TrustPart:
    """The trust list of a server."""

    def __init__(self, caller: Caller, server: str) -> None:
        self._caller = caller
        self._server = server

    def list(self) -> trust.TrustList:
        """Both lists: what did not verify, seen last first, and what is trusted."""
        return self._caller.ask(trust.LIST)

    def untrusted(self) -> tuple[trust.Untrusted, ...]:
        """Certificates that did not verify in a delivery, with the reason; seen last first."""
        return self.list().untrusted

    def trusted(self) -> tuple[trust.Trusted, ...]:
        """Certificates that are trusted, newest first."""
        return self.list().trusted

    def frame(self) -> pd.DataFrame:
        """Both lists as a frame, one row each; ``is_trusted`` tells them apart."""
        from trackkit.frames.trust import trust_frame

        found = self.list()
        return trust_frame([*found.untrusted, *found.trusted], self._server)

    def add(self, certificate_id: int) -> trust.Added:
        """Trust one of the untrusted certificates, this very one, for its host and port; mail that waits is made due.

        Raises
        ------
        NotFound: it is not in the list (any more).
        Conflict: it is trusted already, or the recipient's domain asks for the proof (MTA-STS, DANE).
        """
        return self._caller.ask(trust.ADD, certificate_id=certificate_id)

    def upload(
        self, certificate: Path | str | bytes, host: str = "", port: int = 0, *, preview: bool = False
    ) -> trust.Added:
        """Trust a certificate from a file.

        Parameters
        ----------
        certificate: a file's path, or its content; PEM or DER. One that holds a private key is refused here.
        host, port: where it is believed, as this very certificate and, if it is an authority, with what it issued.
            Without them an authority counts for every host.
        preview: only say what it is.

        Raises
        ------
        InvalidInput: it is no certificate, the file cannot be read, or the place is missing.
        Conflict: it is trusted there already.
        """
        from trackkit.domain.certificates import uploaded

        der = uploaded(certificate if isinstance(certificate, bytes) else _read(Path(certificate)))
        return self._caller.ask(trust.UPLOAD, certificate=base64.b64encode(der), host=host, port=port, preview=preview)

    def remove(self, certificate_id: int) -> trust.Removed:
        """Trust a certificate no more, or take one that did not verify out of the list. `NotFound`."""
        return self._caller.ask(trust.REMOVE, certificate_id=certificate_id)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(trust.MAXIMUM_FILE)
    except OSError as error:
        raise InvalidInput.of(str(path), f"cannot be read: {error.strerror}") from None

"""`server.options`: the options of a server by name, as a file, and their history; one method an operation.

A file is given as its text, or as a `Path` that is read here. References to secrets in it are resolved here, on the
side of whoever applies it. Fails with `InvalidInput` naming what was refused, and `Conflict` when somebody was faster;
nothing is changed then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.call import Caller
from trackkit.client.paging import follow
from trackkit.client.references import resolved
from trackkit.contract import options
from trackkit.domain import option_file
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 1000
FRAME_LIMIT = 10_000

Revisions = Mapping[str, int]


class OptionsPart:
    """The options of a server, by name: ``sending.smtp.host``."""

    def __init__(self, caller: Caller, server: str = "") -> None:
        self._caller = caller
        self._server = server

    def get(self) -> options.OptionsState:
        """Every option; of a secret only whether it is set."""
        return self._caller.ask(options.GET)

    def set(
        self, values: Mapping[str, options.Value | SecretStr], revisions: Revisions | None = None
    ) -> options.OptionsState:
        """Change options, all or none.

        Parameters
        ----------
        revisions: the revision of each touched group as it was seen (`OptionsState.revisions`); when somebody else
            changed the group meanwhile, `Conflict` is raised and nothing changes. None: no such check.
        """
        plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in values.items()}
        return self._caller.ask(options.SET, values=plain, revisions=dict(revisions or {}))

    def export(self, everything: bool = False) -> options.OptionsFile:
        """The options as a file, without secrets; `everything`: also those that have their default."""
        return self._caller.ask(options.EXPORT, everything=everything)

    def plan(self, file: str | Path) -> options.Plan:
        """What applying the file would change; nothing is."""
        return self._caller.ask(options.PLAN, text=text_of(file))

    def apply(self, file: str | Path, revisions: Revisions | None = None) -> options.OptionsState:
        """Change the options to what the file says, all or none; what it does not name stays.

        Parameters
        ----------
        revisions: those of the plan (`Plan.revisions`), so that nothing somebody changed since is overwritten.
        """
        text = text_of(file)
        secrets = resolved(option_file.read(text).references)
        return self._caller.ask(options.APPLY, text=text, secrets=secrets, revisions=dict(revisions or {}))

    def history(self, before: int | None = None, limit: int = 50) -> options.ChangeSets:
        """One page of who changed what, newest first."""
        return self._caller.ask(options.HISTORY, before=before, limit=limit)

    def history_each(self, limit: int | None = None) -> Iterator[options.ChangeSet]:
        """The changes, newest first, page after page; at most `limit`."""

        def fetch(before: int | None, size: int) -> tuple[tuple[options.ChangeSet, ...], int | None]:
            page = self.history(before, size)
            return page.sets, page.next_before

        return follow(fetch, _PAGE, limit)

    def history_frame(self, limit: int | None = FRAME_LIMIT) -> pd.DataFrame:
        """The changes as a frame, a row for each option of each."""
        from trackkit.frames.options import option_changes_frame

        return option_changes_frame(self.history_each(limit), self._server)

    def plan_revert(self, change_id: int) -> options.Plan:
        """What reverting a change would change, what it leaves out, and what was changed since."""
        return self._caller.ask(options.PLAN_REVERT, change_id=change_id)

    def revert(self, change_id: int, revisions: Revisions | None = None, anyway: bool = False) -> options.OptionsState:
        """Put back the values that a change replaced, as a new change. Secrets cannot be.

        Parameters
        ----------
        revisions: those of the plan (`Plan.revisions`).
        anyway: also options that were changed since; without it that is a `Conflict`.
        """
        return self._caller.ask(options.REVERT, change_id=change_id, anyway=anyway, revisions=dict(revisions or {}))


def text_of(file: str | Path) -> str:
    """The text of an options file."""
    if isinstance(file, str):
        return file
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput.of(str(file), f"cannot be read: {error.strerror}") from None
    return decoded(content, str(file))


def decoded(content: bytes, name: str) -> str:
    """The bytes of an options file as text; `InvalidInput` under its name when they are none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput.of(name, "is no UTF-8 text, so it is no options file") from None

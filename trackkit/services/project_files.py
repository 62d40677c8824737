"""Files attached to records: whoever may view a record may read its files, whoever may edit it may change them."""

from __future__ import annotations

import hashlib
from typing import Final

from trackkit.contract import project as contract
from trackkit.contract.operation import Done
from trackkit.domain.errors import InvalidInput, MessageTooLarge, NotFound, Problem, Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.domain.text import is_one_line
from trackkit.services.environment import Call
from trackkit.services.project_items import existing, project_of
from trackkit.services.project_login import identity_of
from trackkit.services.project_stores import OpenProject
from trackkit.store import project_files
from trackkit.store.database import Connection
from trackkit.store.project_files import FileRow

SOURCE: Final = "project"
_RESERVED: Final = frozenset({".", ".."})


def list_files(call: Call, request: contract.NamedItem) -> contract.Files:
    """The files of a record."""
    info, project = _record(request.kind), project_of(call, request.kind, "view")

    def work(connection: Connection) -> list[FileRow]:
        return project_files.attached(connection, info.kind, existing(connection, info, request.key).number)

    return contract.Files(files=tuple(contract.FileInfo(**_view(row)) for row in project.read(work)))


def attach_file(call: Call, request: contract.AttachFile) -> contract.FileInfo:
    """Attach a file."""
    info, project = _record(request.kind), project_of(call, request.kind, "edit")
    name, content = checked_name(request.name), request.content
    if len(content) > contract.MAXIMUM_FILE:
        raise MessageTooLarge(
            f"The file has {len(content):,} octets; at most {contract.MAXIMUM_FILE:,} are kept. Nothing was changed.",
            problems=[Problem("content", "is too large")],
        )

    def work(connection: Connection) -> FileRow:
        number = existing(connection, info, request.key, lock=True).number
        return project_files.attach(connection, info.kind, number, name, content, call.now, call.actor.username)

    return contract.FileInfo(**_view(project.write(work)))


def read_file(call: Call, request: contract.NamedFile) -> contract.FileContent:
    """A file with its bytes, exactly as they came."""
    row, project = _found(call, request.file_id)
    project_of(call, row.record_kind, "view")
    return contract.FileContent(**_view(row), content=_encoded(checked_content(call, project, row)))


def checked_content(call: Call, project: OpenProject, row: FileRow) -> bytes:
    """The bytes of a file; `Unavailable` when they are not those that were attached."""
    content = project.read(lambda connection: project_files.content(connection, row.id))
    if hashlib.sha256(content).hexdigest() != row.sha256:
        words = f"The attached file {row.name} ({row.id}) cannot be opened: its bytes are not those that were attached."
        call.log(Severity.error, SOURCE, words, database=project.row.name)
        raise Unavailable(f"{words} They were damaged.", "Take the file out of a backup of the database.")
    return content


def detach_file(call: Call, request: contract.NamedFile) -> Done:
    """Remove a file."""
    row, project = _found(call, request.file_id)
    project_of(call, row.record_kind, "edit")
    project.write(lambda connection: project_files.detach(connection, row.id))
    return Done()


def _found(call: Call, file_id: int) -> tuple[FileRow, OpenProject]:
    project = call.environment.projects.open(identity_of(call).database)
    row = project.read(lambda connection: project_files.find(connection, file_id))
    if row is None or not KINDS[row.record_kind].record:  # files of e-mails are reached with them
        raise NotFound(f"There is no attached file {file_id}.")
    return row, project


def _record(kind: Kind) -> KindInfo:
    info = KINDS[kind]
    if not info.record:
        raise InvalidInput.of("kind", f"is {kind}; files are attached to records only")
    return info


def checked_name(name: str) -> str:
    """The name of a file to attach."""
    name = name.strip()
    if not name or name in _RESERVED:
        raise InvalidInput.of("name", "is empty or no name of a file")
    if not is_one_line(name) or set(name) & set("/\\"):
        raise InvalidInput.of("name", "holds a slash or control characters")
    return name


def _encoded(content: bytes) -> bytes:
    from base64 import b64encode

    return b64encode(content)


def _view(row: FileRow) -> dict[str, object]:
    return {
        "file_id": row.id,
        "name": row.name,
        "size": row.size,
        "sha256": row.sha256,
        "added_at": row.added_at,
        "added_by": row.added_by,
    }

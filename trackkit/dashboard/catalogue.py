"""Which dashboards there are, and to whom each of them opens: that stands in the metadata of its notebook.

| `"trackkit"` in the metadata | who may open it |
| --- | --- |
| `{"realm": "server", "role": "operator"}` | server users with at least that role; without a role: viewer |
| `{"realm": "project"}` | users of any project; what they may do there their security groups say |
| nothing | server users, viewer |

A dashboard whose notebook cannot be read or declares anything else is opened to nobody; why is told once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args
from urllib.parse import quote, unquote

from trackkit.contract.operation import Realm
from trackkit.dashboard.folder import dashboard_names
from trackkit.dashboard.visits import Visitor
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput

RENDER = "/voila/render/"
"""Where a dashboard is opened: its file name follows."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard by its file name, and to whom it opens."""

    name: str
    title: str
    realm: Realm = "server"
    role: Role = Role.viewer
    """The least role, of server users."""

    @property
    def path(self) -> str:
        """Where it is opened."""
        return RENDER + quote(self.name)

    def opens_to(self, visitor: Visitor) -> bool:
        """Whether the visitor is of its realm and has its role."""
        if visitor.realm != self.realm:
            return False
        return self.realm == "project" or Role(visitor.role).covers(self.role)

    @property
    def audience(self) -> str:
        """To whom it opens, in words."""
        if self.realm == "project":
            return "accounts of a project"
        roles = [role for role in Role if role.covers(self.role)]
        return "accounts of the server itself" + (
            f" with the role {' or '.join(roles)}" if len(roles) < len(Role) else ""
        )


class Catalogue:
    """The dashboards of a folder, as their notebooks say now.

    Parameters
    ----------
    refused: told the name of a dashboard that is opened to nobody, and why; again only when its file has changed.
    """

    def __init__(self, folder: Path, refused: Callable[[str, str], None]) -> None:
        self._folder, self._refused = folder, refused
        self._read: dict[str, tuple[tuple[int, int], Dashboard | None]] = {}

    def all(self) -> list[Dashboard]:
        """Every dashboard that opens to somebody, in order of their names."""
        found = (self._one(name) for name in dashboard_names(self._folder))
        return [dashboard for dashboard in found if dashboard is not None]

    def open_to(self, visitor: Visitor) -> list[Dashboard]:
        """Those that the visitor may open."""
        return [dashboard for dashboard in self.all() if dashboard.opens_to(visitor)]

    def named(self, name: str | None) -> Dashboard | None:
        """The dashboard of that name; none when there is none that opens to anybody."""
        return self._one(name) if name in dashboard_names(self._folder) else None

    def at(self, address: str) -> Dashboard | None:
        """The dashboard that an address of this site leads to."""
        path = unquote(address.partition("?")[0])
        return self.named(path.removeprefix(RENDER)) if path.startswith(RENDER) else None

    def _one(self, name: str) -> Dashboard | None:
        path = self._folder / name
        try:
            status = path.stat()
        except FileNotFoundError:  # since the folder was listed
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        if self._read.get(name, (None,))[0] != stamp:
            self._read[name] = (stamp, self._look(path))
        return self._read[name][1]

    def _look(self, path: Path) -> Dashboard | None:
        try:
            return read_dashboard(path)
        except InvalidInput as error:
            self._refused(path.name, error.message)
        except OSError as error:
            self._refused(path.name, f"the file cannot be read ({error.strerror})")
        return None


def read_dashboard(path: Path) -> Dashboard:
    """What a notebook declares about itself; `InvalidInput` names what of it is wrong, `OSError` as the system says."""
    try:
        notebook = json.loads(path.read_bytes())
        metadata = notebook["metadata"]
        declared = metadata.get("trackkit", {"realm": "server"})
        title = str(metadata.get("title") or path.stem)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput("the file is not a notebook") from None
    if not isinstance(declared, dict) or not declared.keys() <= {"realm", "role"}:
        raise InvalidInput("trackkit in its metadata may hold realm and role, and nothing else")
    realm, role = declared.get("realm"), declared.get("role")
    if realm not in get_args(Realm):
        raise InvalidInput(f"realm is {realm!r}; possible are {', '.join(get_args(Realm))}")
    if role is None:
        return Dashboard(path.name, title, cast("Realm", realm))
    if realm == "project":
        raise InvalidInput("role is given, but users of a project have none")
    if role not in list(Role):
        raise InvalidInput(f"role is {role!r}; possible are {', '.join(Role)}")
    return Dashboard(path.name, title, "server", Role(role))

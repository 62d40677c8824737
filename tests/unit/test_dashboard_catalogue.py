"""To whom each dashboard opens: what its notebook declares, checked; what is wrong opens it to nobody."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from trackkit.dashboard.catalogue import Catalogue, Dashboard, read_dashboard
from trackkit.dashboard.folder import dashboards_folder
from trackkit.dashboard.visits import Visits
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput

VISITS = Visits()
VISITORS = {
    **{role: VISITS.open(role, role, "token") for role in Role},
    "project": VISITS.open_in_project("ana", "sample", "token"),
}


def notebook(folder: Path, name: str = "page.ipynb", title: str = "A page", **metadata: Any) -> Path:
    path = folder / name
    content = {"cells": [], "metadata": {"title": title, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("declared", "open_to"),
    [
        ({}, {"viewer", "operator", "admin"}),
        ({"trackkit": {"realm": "server"}}, {"viewer", "operator", "admin"}),
        ({"trackkit": {"realm": "server", "role": "viewer"}}, {"viewer", "operator", "admin"}),
        ({"trackkit": {"realm": "server", "role": "operator"}}, {"operator", "admin"}),
        ({"trackkit": {"realm": "server", "role": "admin"}}, {"admin"}),
        ({"trackkit": {"realm": "project"}}, {"project"}),
    ],
)
@pytest.mark.spec("0: one log-in page, two realms; each dashboard opens only to its realm and role")
def test_a_dashboard_opens_to_its_realm_and_role(tmp_path: Path, declared: dict[str, Any], open_to: set[str]) -> None:
    dashboard = read_dashboard(notebook(tmp_path, **declared))
    assert {who for who, visitor in VISITORS.items() if dashboard.opens_to(visitor)} == open_to


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"realm": "servers"}, "realm is 'servers'; possible are server, project"),
        ({}, "realm is None"),
        ({"role": "viewer"}, "realm is None"),
        ({"realm": "server", "role": "emperor"}, "role is 'emperor'; possible are viewer, operator, admin"),
        ({"realm": "server", "role": ["viewer"]}, "role is"),
        ({"realm": "project", "role": "viewer"}, "users of a project have none"),
        ({"realm": "server", "rôle": "admin"}, "nothing else"),
        ("server", "nothing else"),
        (None, "nothing else"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_reason(tmp_path: Path, declared: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_dashboard(notebook(tmp_path, trackkit=declared))
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'"x"', b"{}", b'{"metadata": 3}', b'{"metadata": []}'])
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.ipynb"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="not a notebook"):
        read_dashboard(path)


def test_a_refused_dashboard_is_there_for_nobody_and_told_once(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    catalogue = Catalogue(tmp_path, lambda name, why: told.append((name, why)))
    notebook(tmp_path, "good.ipynb", trackkit={"realm": "project"})
    bad = notebook(tmp_path, "bad.ipynb", trackkit={"realm": "nobody"})
    for _ in range(3):
        assert [dashboard.name for dashboard in catalogue.all()] == ["good.ipynb"]
        assert catalogue.named("bad.ipynb") is None
    assert told == [("bad.ipynb", "realm is 'nobody'; possible are server, project")]
    notebook(tmp_path, "bad.ipynb", trackkit={"realm": "server", "role": "admin"})
    os.utime(bad, ns=(1, 1))
    assert catalogue.named("bad.ipynb") == Dashboard("bad.ipynb", "A page", "server", Role.admin), "as it is now"
    assert len(told) == 1


def test_a_file_that_cannot_be_read_is_told_once_and_one_that_is_gone_never(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    catalogue = Catalogue(tmp_path, lambda name, why: told.append((name, why)))
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "gone.ipynb").symlink_to(tmp_path / "nowhere")
    for _ in range(2):
        assert catalogue.all() == []
    assert told == [("folder.ipynb", "the file cannot be read (Is a directory)")]


def test_a_dashboard_is_found_by_its_address(tmp_path: Path) -> None:
    notebook(tmp_path, "two words.ipynb", title="")
    catalogue = Catalogue(tmp_path, lambda *_: None)
    (dashboard,) = catalogue.all()
    assert (dashboard.title, dashboard.path) == ("two words", "/voila/render/two%20words.ipynb")
    assert catalogue.at(dashboard.path) == catalogue.at(dashboard.path + "?x=1") == dashboard
    for other in ("/", "/voila/render/", "/voila/render/../two%20words.ipynb", "/login", "two%20words.ipynb"):
        assert catalogue.at(other) is None, other
    assert catalogue.named(None) is None


def test_its_audience_in_words() -> None:
    words = {role: Dashboard("x.ipynb", "X", "server", role).audience for role in Role}
    assert words == {
        Role.viewer: "accounts of the server itself",
        Role.operator: "accounts of the server itself with the role operator or admin",
        Role.admin: "accounts of the server itself with the role admin",
    }
    assert Dashboard("x.ipynb", "X", "project").audience == "accounts of a project"


def test_every_dashboard_that_ships_declares_its_realm() -> None:
    found = {path.name: json.loads(path.read_bytes())["metadata"] for path in dashboards_folder().glob("*.ipynb")}
    assert {name: metadata["trackkit"]["realm"] for name, metadata in found.items()} == {
        "project.ipynb": "project",
        "support.ipynb": "server",
        "tracking.ipynb": "server",
    }
    for path in dashboards_folder().glob("*.ipynb"):
        assert read_dashboard(path).title == found[path.name]["title"]

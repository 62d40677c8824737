"""The first field of the log-in page: what can be chosen, and that what was chosen stays chosen."""

from __future__ import annotations

import pytest

from trackkit.contract.project import Offered
from trackkit.dashboard.log_in_to import OTHER, SERVER, LogInTo, choices
from trackkit.domain.errors import InvalidInput

OFFERED = (Offered(name="sample", description="To look around in"), Offered(name="server", description=""))


def test_the_server_the_offered_projects_and_another_one_can_be_chosen() -> None:
    assert choices(OFFERED) == [
        ("server", "This server (administration)"),
        ("project:sample", "sample – To look around in"),
        ("project:server", "server"),
        ("other", "A project that is not in this list"),
    ]
    (_, (_, words), _) = choices([Offered(name="a", description="long \n words " * 30)])
    assert len(words) <= 80
    assert words.endswith(" …")


@pytest.mark.parametrize(
    ("chosen", "database"),
    [
        (LogInTo(), ""),
        (LogInTo(SERVER, "typed and not chosen"), ""),
        (LogInTo("project:sample"), "sample"),
        (LogInTo("project:server"), "server"),
        (LogInTo("project:project:x"), "project:x"),
        (LogInTo("project:sample", "typed and not chosen"), "sample"),
        (LogInTo(OTHER, "  Apollo "), "Apollo"),
    ],
)
def test_what_is_chosen(chosen: LogInTo, database: str) -> None:
    assert chosen.checked().database == database


@pytest.mark.parametrize("chosen", [LogInTo(OTHER), LogInTo(OTHER, "  "), LogInTo("project:"), LogInTo("anything")])
def test_what_names_neither_the_server_nor_a_project_is_refused(chosen: LogInTo) -> None:
    with pytest.raises(InvalidInput, match="Enter the name of the project"):
        chosen.checked()
    assert chosen.among(OFFERED) == LogInTo(OTHER)


def test_the_same_choice_is_shown_whether_or_not_it_is_offered() -> None:
    assert LogInTo().among(()) == LogInTo()
    assert LogInTo("project:sample").among(OFFERED) == LogInTo("project:sample")
    assert LogInTo(OTHER, "SAMPLE").among(OFFERED) == LogInTo("project:sample")
    assert LogInTo("project:sample").among(()) == LogInTo(OTHER, "sample"), "the list could not be fetched"
    assert LogInTo(OTHER, "hidden").among(OFFERED) == LogInTo(OTHER, "hidden")
    assert len(LogInTo(OTHER, "x" * 5000).among(()).other) == 1000

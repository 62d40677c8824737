"""Known secrets are found in executed notebooks however they are written there."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackkit.reports.scrub import REMOVED, joined_streams, known_secrets, scrubbed

CANARY = 'cänary-"quo\'ted"&<pass>\\word/1'


def test_known_are_the_values_whose_names_say_that_they_are_secret() -> None:
    environment = {
        "TRACKKIT_PASSWORD": "the-password",
        "TRACKKIT_TOKEN": "tk_the-longer-token",
        "MY_API_KEY": "key-of-mine",
        "Db_Passwd": "database",
        "TRACKKIT_SERVER": "https://127.0.0.1:8470",
        "TRACKKIT_USERNAME": "administrator",
        "USE_SECRETS": "true",
        "EMPTY_PASSWORD": "",
    }
    assert known_secrets(environment) == ("tk_the-longer-token", "the-password", "key-of-mine", "database")


@pytest.mark.spec("11: known secret values are scrubbed from outputs")
@pytest.mark.parametrize(
    "written",
    [
        str,
        repr,
        escape,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: quote(text, safe=""),
        lambda text: b64encode(text.encode()).decode(),
        lambda text: f"a{text}b{text}",
    ],
)
def test_each_way_of_writing_is_found_everywhere(written) -> None:
    inner = written(CANARY)
    tree = {"outputs": [{"text": f"x {inner} y", inner: [inner, 1, None, True]}], "n": 2.5}
    found = json.dumps(scrubbed(tree, [CANARY]), ensure_ascii=False)
    assert REMOVED in found
    assert CANARY not in found
    assert json.dumps(inner, ensure_ascii=False)[1:-1] not in found
    assert "canary" not in found.replace("ä", "a")


_texts = st.characters(exclude_characters="\ue000")


@given(st.text(_texts, min_size=6), st.text(_texts), st.text(_texts))
@example("secret\udcff", "", "")
def test_whatever_the_secret_nothing_else_is_lost(secret: str, before: str, after: str) -> None:
    found = scrubbed([before + secret + after], [secret])[0]
    assert secret not in found.replace(REMOVED, "\ue000")
    assert scrubbed({"a": before}, []) == {"a": before}


def test_a_longer_secret_that_begins_like_a_shorter_one_is_removed_whole() -> None:
    secrets = known_secrets({"A_TOKEN": "canary", "B_TOKEN": "canary-and-more"})
    assert scrubbed("canary-and-more canary", secrets) == f"{REMOVED} {REMOVED}"


def test_what_was_printed_in_pieces_is_put_together_first() -> None:
    pieces = [
        {"output_type": "stream", "name": "stdout", "text": "can"},
        {"output_type": "stream", "name": "stdout", "text": "ary-1"},
        {"output_type": "stream", "name": "stderr", "text": "other"},
        {"output_type": "display_data", "data": {}},
        {"output_type": "stream", "name": "stderr", "text": "more"},
    ]
    cells = [{"source": ""}, {"outputs": pieces}]
    joined_streams(cells)
    assert [output.get("text") for output in cells[1]["outputs"]] == ["canary-1", "other", None, "more"]
    assert cells[0] == {"source": ""}

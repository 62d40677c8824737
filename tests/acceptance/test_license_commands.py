"""`trackkit license` as the owner of a server uses it: a key pair, serials, entering them, seats, the replay."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.licensed import mistyped
from tests.running import RunningServer
from tests.unit.cli_runs import Ran, run
from trackkit.client import dedicated
from trackkit.domain.errors import NoSeat

Command = Callable[..., Ran]


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("owner") / "key.pem"


@pytest.fixture(scope="module")
def shared(start_for_module: Start, key_file: Path) -> RunningServer:
    """A server that accepts the serials of the key pair that `trackkit license keygen` made."""
    made = run("license", "keygen", str(key_file))
    assert made.code == 0, made.err
    assert re.fullmatch(r"\S{44}\n", made.out), "nothing but the public key, for scripts"
    server = start_for_module(sample=True)
    server.stop()
    done = run("server", "set", "--data", str(server.data), "license-keys", made.out.strip())
    assert done.code == 0, done.err
    server.restart()
    return server


@pytest.fixture
def command(shared: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command as a script runs it on the server machine; its exit code must be `code`."""
    monkeypatch.setenv("TRACKKIT_DATA", str(shared.data))

    def go(*words: str, code: int = 0, stdin: str = "") -> Ran:
        ran = run("license", *words, stdin=stdin)
        assert ran.code == code, ran.out + ran.err
        return ran

    return go


def listed(command: Command) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(command("list", "--json").out)["licenses"]
    return found


@pytest.mark.spec("3: license keygen and issue make serials; which key a server accepts is set only on its machine")
def test_from_the_key_pair_to_who_would_have_been_refused(
    command: Command, shared: RunningServer, key_file: Path, tmp_path: Path
) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert "exists already" in command("keygen", str(key_file), code=2).err
    server_id = re.search(r"name its id: (\S+)", command("list").err)
    assert server_id is not None
    key = ("--key", str(key_file))
    issued = command("issue", "floating", *key, "--seats", "1", "--server-id", server_id[1])
    assert "1 floating seat." in issued.err
    serial = issued.out.strip()
    assert "`trackkit license list`" in command("issue", "web", *key, "--seats", "2", code=2).err

    assert "This is: license" in command("add", "--preview", stdin=f"{serial.lower()}\n").out
    assert len(listed(command)) == 1
    assert "mistyped" in command("add", stdin=f"{mistyped(serial)}\n", code=2).err
    other = tmp_path / "other.pem"
    command("keygen", str(other))
    forged = command("issue", "floating", "--key", str(other), "--server-id", server_id[1]).out
    assert "none of the keys this server accepts signed it" in command("add", stdin=forged, code=2).err
    assert "Entered: license" in command("add", stdin=f"{serial}\n").out
    assert "entered already" in command("add", stdin=f"{serial}\n", code=1).err
    assert len(listed(command)) == 2

    refused = command("remove", "1", code=2).err
    assert "Delete the evaluation license, 5 floating, 5 web, 1 solosubmit? Its seats are gone for new" in refused
    assert "Deleted the evaluation license." in command("remove", "1", "--yes").out
    (entered,) = listed(command)
    assert entered["seats"] == {"floating": 1}
    assert serial not in str(entered)

    with shared.admin.project("sample", "ana", "trackkit sample", client="native") as held:
        seats = command("seats")
        assert "ana" in seats.out
        assert "1 of 1 floating seat taken." in seats.err
        assert "dedicated" not in seats.err
        with pytest.raises(NoSeat, match=r"The only floating seat is taken: ana since"):
            shared.admin.project("sample", "ben", "trackkit sample", client="native")
        (session,) = json.loads(command("seats", "--json").out)["seats"]
        assert run("session", "end", session["session_id"], "--yes").code == 0
        assert "No seat is taken." in command("seats").out
        held.close()
    history = command("history").out
    assert re.search(r"ben .*was refused", history)
    assert re.search(r"ana .*was ended", history)
    assert "ana" not in command("history", "--refused").out
    (day,) = [row for row in json.loads(command("usage", "--json").out)["points"] if row["pool"] == "floating"]
    assert (day["peak"], day["refusals"]) == (1, 1)
    assert "With 1 floating seat and a time-out of 60 minutes" in command("replay", "floating").out
    played = command("replay", "floating", "--seats", "0", "--timeout", "5").out
    assert "a seat was wanted 2 times, of which 2 would have been refused (really: 1)" in played
    assert "ben in sample" in played
    assert "5 is the least" in command("replay", "floating", "--timeout", "4", code=2).err

    web = tmp_path / "web.txt"
    command("issue", "web", *key, "--seats", "2", "--server-id", server_id[1], "--out", str(web))
    assert "Entered in its place: license" in command("edit", str(entered["license_id"]), "--serial", f"file:{web}").out
    assert [one["seats"] for one in listed(command)] == [{"web": 2}]
    with_maintenance = ("--server-id", server_id[1], "--maintenance-until", "2099-12-31")
    other_sort = command("issue", "floating", *key, *with_maintenance).out
    assert "cannot be mixed" in command("add", stdin=other_sort, code=1).err


@pytest.mark.spec("3: dedicated: asked for once, remembered on that computer, presented at log-in; on several servers")
def test_a_dedicated_license_is_remembered_presented_and_forgotten(
    command: Command, shared: RunningServer, key_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.txt"
    command("issue", "dedicated", "--key", str(key_file), "--out", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "kept on its person's computer" in command("add", "--serial", f"file:{file}", code=2).err
    assert "mistyped" in command("remember", stdin=mistyped(file.read_text().strip()) + "\n", code=2).err
    assert not dedicated.path().exists()
    command("remember", "--serial", f"file:{file}")
    assert stat.S_IMODE(dedicated.path().stat().st_mode) == 0o600
    with shared.admin.project("sample", "ana", "trackkit sample", client="native"):
        assert "1 dedicated license in use." in command("seats").err
        with pytest.raises(NoSeat, match="is in use already"):
            shared.admin.project("sample", "ben", "trackkit sample", client="native")
    assert "its serial is needed" in command("forget", code=2).err
    command("forget", "--yes")
    assert not dedicated.path().exists()
    assert "No dedicated license" in command("forget", code=1).err


def test_a_serial_in_the_arguments_is_refused_and_not_repeated(command: Command, key_file: Path) -> None:
    serial = command("issue", "dedicated", "--key", str(key_file)).out.strip()
    by_option = (("add", "--serial", serial), ("remember", "--serial", serial))
    for words in (*by_option, ("add", serial), ("edit", "1", serial), ("remember", serial)):
        refused = command(*words, code=2)
        assert "written into the arguments" in refused.err
        assert serial[:20] not in refused.out + refused.err
    assert "behind --serial" in command("remember", "file:mine.txt", code=2).err
    assert "behind --serial" in command("add", "-", code=2).err

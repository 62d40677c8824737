"""Runs that are refused, fail, hang or try to give something away, each for real."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest

from tests.command_line import CommandLine
from tests.reports.conftest import CANARY
from tests.running import RunningServer
from tests.unit.test_report_parameters import write
from trackkit import reports
from trackkit.client import Server
from trackkit.domain.errors import InvalidInput, NotFound, ReportFailed

NUMBER = "n: int = 1  # How many"


@pytest.fixture
def vera(office: RunningServer) -> Server:
    with office.connect("vera", CANARY) as server:
        yield server


@pytest.fixture
def shell(office: RunningServer, tmp_path: Path) -> CommandLine:
    """A script's command line: log-in by user name and password from the environment."""
    environment = {
        "TRACKKIT_SERVER": office.url,
        "TRACKKIT_FINGERPRINT": office.fingerprint,
        "TRACKKIT_USERNAME": "vera",
        "TRACKKIT_PASSWORD": CANARY,
    }
    return CommandLine(tmp_path, environment)


def outputs(notebook: Path) -> str:
    """Everything an executed notebook shows, as one text."""
    cells = json.loads(notebook.read_text())["cells"]
    return json.dumps([cell["outputs"] for cell in cells if cell["cell_type"] == "code"])


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.spec("11: trackkit report run NAME -p key=value --html F --pdf F; exit code tells; errors name the cell")
def test_refused_by_the_command_line_before_anything_runs(shell: CommandLine, tmp_path: Path) -> None:
    html = ("--html", str(tmp_path / "r.html"))
    done = shell.run("report", "run", "server-health", "-p", "huors=3", "-p", "entries=many", "-p", "hours=2.5", *html)
    assert done.returncode == 2
    assert "huors: is no parameter of this report; it has hours, level, entries" in done.stderr
    assert "entries: is 'many' (str); it has to be a whole number (int)" in done.stderr
    assert "hours: is '2.5'" in done.stderr
    assert shell.run("report", "run", "server-health", "-p", "hours", *html).returncode == 2
    twice = shell.run("report", "run", "server-health", "-p", "hours=1", "-p", "hours=2", *html)
    assert "given more than once" in twice.stderr
    assert shell.run("report", "run", "no-such", *html).returncode == 1
    assert shell.run("report", "run", "server-health").returncode == 2
    assert files(tmp_path) == []


def test_a_cell_that_fails_is_named_and_the_exit_code_is_1(shell: CommandLine, tmp_path: Path) -> None:
    html = tmp_path / "r.html"
    html.write_text("the report of yesterday")
    done = shell.run("report", "run", "server-health", "-p", "hours=0", "--html", str(html), "--pdf", f"{html}.pdf")
    assert done.returncode == 1
    cells = json.loads(reports.find("server-health").path.read_text())["cells"]
    number = next(n for n, cell in enumerate(cells, 1) if "server = connected()" in "".join(cell["source"]))
    assert (
        f"cell {number} of server-health.ipynb, {cells[number - 1]['source'][0].strip()!r}: InvalidInput" in done.stderr
    )
    assert "hours: is 0; it has to be between 1 and 8784" in done.stderr
    assert "--notebook" in done.stderr
    assert CANARY not in done.stderr
    assert html.read_text() == "the report of yesterday"
    assert files(tmp_path) == ["r.html"]


def test_the_list_needs_no_server(tmp_path: Path) -> None:
    shell = CommandLine(tmp_path, {})
    listed = json.loads(shell("report", "list", "--json"))
    assert {"name": "hours", "type": "int", "default": 24, "help": "How many hours back the log is looked at"} in (
        next(report for report in listed if report["name"] == "server-health")["parameters"]
    )
    assert "server-health" in shell("report", "list")


@pytest.mark.spec("11: Unattended runs authenticate by token from the environment")
def test_the_notebook_sees_only_what_it_needs(
    vera: Server, office: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKKIT_PASSWORD", CANARY)
    monkeypatch.setenv("SMTP_RELAY_SECRET", "another canary")
    write(
        tmp_path,
        NUMBER,
        "import os; from pathlib import Path; import json\n"
        "print('ENV ' + json.dumps(sorted(os.environ)))\n"
        "print('HOME ' + json.dumps(sorted(p.name for p in Path.home().iterdir() if not p.name.startswith('.'))))",
        "from trackkit.reports.session import connected\n"
        "server = connected()\n"
        "print('WHO ' + json.dumps([server.username, server.role, n]))\n"
        "server.close()",
    )
    reports.run("own", {"n": 7}, server=vera, notebook=tmp_path / "out.ipynb", folder=tmp_path)
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    text = "".join("".join(out.get("text", "")) for cell in cells for out in cell.get("outputs", []))
    said = {line.split(" ", 1)[0]: json.loads(line.split(" ", 1)[1]) for line in text.splitlines()}
    assert said["WHO"] == ["vera", "viewer", 7]
    assert said["HOME"] == []
    ours = {name for name in said["ENV"] if name.startswith("TRACKKIT_")}
    assert ours == {"TRACKKIT_SERVER", "TRACKKIT_TOKEN", "TRACKKIT_FINGERPRINT"}
    assert "SMTP_RELAY_SECRET" not in said["ENV"]
    assert vera.session().username == "vera", "the notebook's close() ended nobody else's session"


@pytest.mark.spec("11: known secret values are scrubbed from outputs")
def test_a_notebook_that_gives_its_token_away_is_scrubbed(vera: Server, tmp_path: Path) -> None:
    token = vera.access()["TRACKKIT_TOKEN"]
    write(
        tmp_path,
        NUMBER,
        "import os; token = os.environ['TRACKKIT_TOKEN']\nfrom IPython.display import HTML, display\n"
        "import html, base64, sys, time, pandas as pd\n"
        "print(token); print(repr({'t': token})); print(base64.b64encode(token.encode()).decode())\n"
        "sys.stdout.write(token[:9]); sys.stdout.flush(); time.sleep(.5); sys.stdout.write(token[9:] + '\\n')\n"
        "print(token, file=sys.stderr)",
        "display(HTML(f'<b>{html.escape(token)}</b>'))\npd.DataFrame({token: [token]})",
        "raise RuntimeError('with ' + token)",
    )
    out, html = tmp_path / "out.ipynb", tmp_path / "out.html"
    with pytest.raises(ReportFailed) as failed:
        reports.run("own", server=vera, notebook=out, html=html, folder=tmp_path)
    assert failed.value.details == {"cell": "5", "line": "raise RuntimeError('with ' + token)"}
    assert "RuntimeError: with [secret removed]" in failed.value.message
    text = out.read_text()
    assert token not in text
    assert token[:9] not in text
    assert text.count("[secret removed]") >= 8
    assert not html.exists(), "a report that failed is not there"


def test_without_a_server_it_acts_as_the_environment_says(
    office: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        NUMBER,
        "import os; from trackkit.reports.session import connected\n"
        "with connected() as server: print(server.username, sorted(n for n in os.environ if n.startswith('TRACKKIT')))",
    )
    monkeypatch.setenv("TRACKKIT_DATA", str(office.data))
    reports.run("own", notebook=tmp_path / "local.ipynb", folder=tmp_path)
    assert "admin ['TRACKKIT_DATA', 'TRACKKIT_USERNAME']" in outputs(tmp_path / "local.ipynb")
    monkeypatch.delenv("TRACKKIT_DATA")
    with pytest.raises(InvalidInput, match="No server is named"):
        reports.run("own", notebook=tmp_path / "none.ipynb", folder=tmp_path)


@pytest.mark.parametrize(
    ("code", "cell", "said"),
    [
        ("import os\nos._exit(3)", "3", "DeadKernelError"),
        ("x = (", "3", "SyntaxError"),
        ("raise SystemExit(0)", "3", "SystemExit"),
    ],
)
def test_other_ways_to_fail_name_the_cell_too(vera: Server, tmp_path: Path, code: str, cell: str, said: str) -> None:
    write(tmp_path, NUMBER, code, "print('after')")
    with pytest.raises(ReportFailed, match=said) as failed:
        reports.run("own", server=vera, html=tmp_path / "r.html", folder=tmp_path)
    assert failed.value.details["cell"] == cell
    assert failed.value.details["line"] == code.splitlines()[0]
    assert not (tmp_path / "r.html").exists()


def test_a_report_that_hangs_is_stopped_and_leaves_no_process(vera: Server, tmp_path: Path) -> None:
    write(tmp_path, NUMBER, "import time\ntime.sleep(300)")
    started = time.monotonic()
    with pytest.raises(ReportFailed, match=r"cell 3 of own\.ipynb, 'import time': It took longer than 15 seconds"):
        reports.run("own", server=vera, html=tmp_path / "r.html", folder=tmp_path, timeout=15)
    assert time.monotonic() - started < 60
    deadline = time.monotonic() + 20
    while left := [p for p in psutil.process_iter(["cmdline"]) if "tk-report-" in " ".join(p.info["cmdline"] or ())]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_files_that_cannot_be_written_are_refused_first(vera: Server, tmp_path: Path) -> None:
    write(tmp_path, NUMBER, "raise RuntimeError('it ran')")
    for wanted in (
        {},
        {"html": tmp_path / "none" / "r.html"},
        {"html": tmp_path},
        {"html": tmp_path / "r", "notebook": tmp_path / "r"},
    ):
        with pytest.raises(InvalidInput, match="nothing was run"):
            reports.run("own", server=vera, folder=tmp_path, **wanted)


def test_a_pdf_without_chromium_is_refused_first_and_html_needs_none(
    vera: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, NUMBER, "print('done', n)")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="there is none on this machine") as refused:
        reports.run("own", server=vera, pdf=tmp_path / "r.pdf", html=tmp_path / "r.html", folder=tmp_path)
    assert "apt-get install chromium" in refused.value.advice
    assert files(tmp_path) == ["own.ipynb"]
    reports.run("own", server=vera, html=tmp_path / "r.html", folder=tmp_path)
    assert "done 1" in (tmp_path / "r.html").read_text()


def test_outputs_of_every_kind_are_harmless(vera: Server, tmp_path: Path) -> None:
    write(
        tmp_path,
        NUMBER,
        "from IPython.display import display, HTML, Javascript\nprint('<script>1</script>')\n'<script>2</script>'",
        "display(Javascript('alert(3)'))\nimport sys; print('<script>4</script>', file=sys.stderr)",
        "import pandas as pd\npd.DataFrame({'<script>5</script>': ['<script>6</script>']})",
    )
    reports.run("own", server=vera, html=tmp_path / "r.html", folder=tmp_path)
    text = (tmp_path / "r.html").read_text()
    assert "<script" not in text
    assert "alert(3)" not in text
    assert text.count("&lt;script&gt;") >= 4

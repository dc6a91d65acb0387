"""What a terminal of 80, and one of 200 columns shows, kept in `screens/` to be looked at.

WINDROW_REWRITE=1 writes the pictures anew. Blanks between columns are not compared: they hang on how long times and
sizes happen to be.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import termios

import printed
import pytest

PICTURES = pathlib.Path(__file__).resolve().parent / "screens"
PROGRAM = os.environ.get("WINDROW", str(pathlib.Path(__file__).resolve().parents[1] / "build/release/windrow"))
NOW = "2026-11-01T12:00:00Z"
VERBS = {
    "ls": ["ls"],
    "lineage": ["lineage", "gold.genre_analytics"],
    "plan": ["plan", "--full-refresh", "--select", "gold.*"],
    "run": ["run", "--full-refresh", "--quiet"],
    "runs": ["runs"],
    "runs-one": ["runs", "RUN"],
    "runs-asset": ["runs", "--asset", "gold.genre_analytics"],
    "query": ["query", "FROM gold.genre_analytics ORDER BY ALL LIMIT 5"],
    "table-history": ["table", "history", "gold.genre_analytics"],
    "why": ["why", "gold.genre_analytics"],
    "docs": ["docs"],
}


def environment() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1", "PAGER": "cat", "MOVIES_JSON": "data/*.json"}


def screen(columns: int, folder: pathlib.Path, words: list[str]) -> str:
    """What a terminal of this width shows of a command that it runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    with subprocess.Popen([PROGRAM, *([] if words[0] == "table" else ["--now", NOW]), *words], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                          stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the other end is closed
            pass
        complaint = process.stderr.read().decode()
    os.close(ours)
    assert process.returncode == 0, complaint
    return shown.decode().replace("\r\n", "\n")


@pytest.fixture(scope="module", name="films")
def made_films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screens") / "films"
    for words, where in ((["init", "quickstart", "films"], folder.parent), (["--now", NOW, "run", "--quiet"], folder)):
        subprocess.run([PROGRAM, *words], cwd=where, env=environment(), check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", VERBS)
def test_screen(name, columns, films, tmp_path):
    project = shutil.copytree(films, tmp_path / "films")
    runs = subprocess.run([PROGRAM, "-C", str(project), "--json", "runs"], env=environment(), check=True,
                          capture_output=True)
    first = json.loads(runs.stdout)[-1]["run"]
    shown = screen(columns, project, [first if word == "RUN" else word for word in VERBS[name]])
    table = [line for line in shown.splitlines() if re.search(r"\S {2,}\S", line)]
    assert max((len(line) for line in table), default=0) <= columns, "a table is wider than the terminal"
    picture = re.sub(r"(?<=\S) {2,}", "  ", printed.plain(shown, project)).strip() + "\n"
    picture = re.sub(r"\b(num\w*Bytes) \d+", r"\1 N", picture)
    picture = re.sub(r"\d{4}-\d\d-\d\d[ T][\d:]*…?", "MOMENT", picture)
    kept = PICTURES / f"{name}-{columns}.txt"
    if os.environ.get("WINDROW_REWRITE"):
        PICTURES.mkdir(exist_ok=True)
        kept.write_text(picture)
    assert picture == kept.read_text()

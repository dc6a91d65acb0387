"""Behaviour as text: each tests/pipelines/*.test is a project, commands, and what they print.

    # a comment
    === file PATH            the lines up to the next === become that file
    === append PATH          the same, at its end
    === remove PATH          the file goes
    === now TIME             what time it is (at first NOW below); from there on each command takes a minute
    === do WORDS             runs `windrow WORDS`, which has to succeed; what it prints does not count
    === run WORDS            runs `windrow WORDS`; the lines below are what it must print, the last one its exit code
                             where that is not 0: `exit 1`

Times, run ids and paths of the machine are replaced before comparing. WINDROW_REWRITE=1 writes what was printed into
the files: look at the difference before committing it.
"""
import datetime
import os
import pathlib
import shlex
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "integration"))
import lab  # noqa: E402
from printed import plain  # noqa: E402

NOW = "2026-11-01T12:00"
CASES = sorted((pathlib.Path(__file__).resolve().parent / "pipelines").glob("*.test"))


def sections(text: str):
    """Pairs of a head (`file x`, `run plan`; empty for what stands first) and its lines."""
    head, lines = "", []
    for line in text.splitlines():
        if line.startswith("=== "):
            yield head, lines
            head, lines = line[4:], []
        else:
            lines.append(line)
    yield head, lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_pipeline(case, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    out, now = [], datetime.datetime.fromisoformat(NOW)
    for head, lines in sections(case.read_text()):
        verb, _, rest = head.partition(" ")
        body = lines
        if verb in ("file", "append"):
            path = folder / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if verb == "append" else "w") as stream:
                stream.write("\n".join(lines).rstrip("\n") + "\n")
        elif verb == "remove":
            (folder / rest).unlink()
        elif verb == "now":
            now = datetime.datetime.fromisoformat(rest)
        elif verb in ("do", "run"):
            words = shlex.split(rest)
            time = [] if words[0] in ("table", "lake") else ["--now", now.isoformat()]  # what removes by age keeps to the real time
            command = [lab.PROGRAM, "-C", str(folder), "-q", *time, *words]
            result = subprocess.run(command, check=verb == "do", capture_output=True, text=True, timeout=60)
            now += datetime.timedelta(minutes=1)
        if verb == "run":
            printed = plain(result.stdout + result.stderr, folder)
            body = printed.splitlines() + ([f"exit {result.returncode}"] if result.returncode else []) + [""]
            if not os.environ.get("WINDROW_REWRITE"):
                assert "\n".join(body).strip() == "\n".join(lines).strip(), head
        elif verb not in ("", "file", "append", "remove", "now", "do"):
            raise AssertionError(f"{case.name}: unknown section {head!r}")
        out += ([f"=== {head}"] if head else []) + body
    if os.environ.get("WINDROW_REWRITE"):
        case.write_text("\n".join(out).rstrip("\n") + "\n")

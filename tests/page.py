"""A page of the documents, run as it stands. Of its blocks, in order and in one empty folder:

    ```yaml title="PATH"     the block becomes that file
    ```sh                    the lines are run, and have to succeed
    ```console               each line after `$ ` is run, and the lines below it are what it must print; `…` stands for any
                             lines, and a command goes on behind a `\\` at its end
    <!-- run                 as sh, but not shown: up to -->
    <!-- needs: kafka -->    real servers, by their names in tests/servers: their variables are set
    <!-- not run: … -->      why nothing of a page is run
    <!-- newcomer: analyst -->   the walk of somebody who is new to it: run on an empty machine (newcomer/)

Run ids, times, sizes and the path of the folder are replaced before comparing; a run's id in a command is that of the run
which printed it above. Progress is not shown, as on a terminal at the end.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "integration"))
import lab  # noqa: E402
import printed  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOMENT = r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?"
SHORT_ID = r"\b01[0-9a-f]{6}(?:-[0-9a-f]{4})?(?![0-9a-f-])"
PLACE = "/srv/films"  # where the folder is, in the pages
BEGIN = """windrow() { case $1 in run|retry|backfill|publish|erase|ingest) command windrow -q "$@" ;; *) command windrow "$@" ;; esac; }
"""


class Shell:
    """One bash for a page: what a command sets stays for the next."""

    def __init__(self, folder: pathlib.Path, program: pathlib.Path = pathlib.Path(lab.PROGRAM), variables: dict[str, str] = {}):
        home = folder.parent / "home"
        films = home / ".cache/windrow/vega-datasets-pinned"
        films.mkdir(parents=True)
        if "MOVIES_JSON" in os.environ:
            shutil.copy(os.environ["MOVIES_JSON"], films)
        tools = folder.parent / "bin"
        tools.mkdir()
        (tools / "windrow").symlink_to(program.resolve())
        python = tools / "python"  # no link: Python finds its environment beside the name that it is called by
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        if "WINDROW_EXTENSIONS" in os.environ:
            (home / ".duckdb").mkdir()
            (home / ".duckdb/extensions").symlink_to(os.environ["WINDROW_EXTENSIONS"])
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(home), "TZ": "UTC",
                 "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **variables})
        self.run(BEGIN)

    def run(self, command: str) -> tuple[str, int]:
        end = "=====the end of a command====="
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{{\n{command}\n}} </dev/null\ncode=$?; printf '\\n%s %s\\n' '{end}' $code; (exit $code)\n")
        self.process.stdin.flush()
        out = ""
        for line in self.process.stdout:
            if line.startswith(end):
                return out.removesuffix("\n").replace("windrow -q ", "windrow "), int(line.split()[-1])
            out += line
        raise AssertionError(f"the shell ended in: {command}\n{out}")

    def close(self):
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=30)


def plain(text: str, folder: pathlib.Path) -> str:
    text = re.sub(MOMENT, "MOMENT", printed.plain(text.replace(PLACE, "PROJECT"), folder))
    text = re.sub(r"\b\d+ m \d\d s\b", "TIME", re.sub(SHORT_ID, "ID", text))
    text = re.sub(r'("(?:cpu_)?seconds": |"peak_memory": |"bytes_(?:read|written)": |\bnum\w*Bytes )[\d.e-]+', r"\1N", text)
    return re.sub(r"(?<=\S)  +", "  ", re.sub(r"-{3,}", "---", text)).strip()


def same(shown: str, said: str) -> bool:
    """`…` alone on a line is any lines."""
    pattern = r"(?:.*\n)*?".join(re.escape(part) for part in re.split(r"^…\n", shown + "\n", flags=re.MULTILINE))
    return re.fullmatch(pattern, said + "\n") is not None


def marked(path: pathlib.Path, mark: str) -> list[str]:
    """The words of `<!-- MARK: … -->`."""
    found = re.search(rf"^<!-- {mark}: (.*) -->$", path.read_text(), re.MULTILINE)
    return found[1].split() if found else []


def pages() -> list[pathlib.Path]:
    return [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
            if any(mark in path.read_text() for mark in ("\n```console\n", "\n<!-- run\n"))]


class Page:
    """`first_result`: seconds from its first command until the first query of its tables has answered."""

    def __init__(self, path: pathlib.Path, folder: pathlib.Path, **shell):
        self.lines = path.read_text().splitlines()
        self.folder, self.shell = folder, Shell(folder, **shell)
        self.began, self.first_result = time.monotonic(), 0.0
        self.ids: dict[str, str] = {}
        self.out: list[str] = []

    def succeed(self, command: str, where: int):
        """Each of its commands: the first that fails ends the shell."""
        try:
            self.shell.run(f"set -e\n{command}\nset +e")
        except AssertionError as error:
            raise AssertionError(f"line {where}: {error}") from None

    def console(self, block: list[str], where: int):
        at = 0
        while at < len(block):
            assert block[at].startswith("$ "), f"line {where + at}: a command begins with `$ `"
            begin, at = at, at + 1
            while block[at - 1].endswith("\\"):
                at += 1
            command = "\n".join(block[begin:at])[2:]
            shown = []
            while at < len(block) and not block[at].startswith("$ "):
                shown.append(block[at])
                at += 1
            said, _ = self.shell.run(re.sub(SHORT_ID, lambda found: self.ids.get(found[0], found[0]), command))
            if command.startswith("windrow query") and not self.first_result:
                self.first_result = time.monotonic() - self.began
            told = "\n".join(shown)
            if same(plain(told, self.folder), plain(said, self.folder)):
                self.ids |= dict(zip(re.findall(SHORT_ID, told), re.findall(SHORT_ID, said)))
            elif os.environ.get("WINDROW_REWRITE"):
                shown = [line.rstrip() for line in said.replace(str(self.folder), PLACE).rstrip("\n").splitlines()]
                self.ids |= {name: name for name in re.findall(SHORT_ID, said)}
            else:
                assert plain(told, self.folder) == plain(said, self.folder), f"line {where + begin}: {command}"
            self.out += block[begin:begin + command.count("\n") + 1] + shown

    def run(self) -> str:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            self.out.append(line)
            at += 1
            titled = re.fullmatch(r'```\w+ title="([^"]+)"', line)
            if not titled and line not in ("```sh", "```console", "<!-- run"):
                continue
            end = self.lines.index("-->" if line == "<!-- run" else "```", at)
            block = self.lines[at:end]
            if line == "```console":
                self.console(block, at + 1)
            else:
                self.out += block
                if titled:
                    path = self.folder / titled[1]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("\n".join(block) + "\n")
                else:
                    self.succeed("\n".join(block), at + 1)
            self.out.append(self.lines[end])
            at = end + 1
        self.shell.close()
        return "\n".join(self.out) + "\n"


def follow(path: pathlib.Path, folder: pathlib.Path, **shell) -> Page:
    """Runs a page; with WINDROW_REWRITE=1 what was printed goes into it."""
    folder.mkdir(parents=True, exist_ok=True)
    page = Page(path, folder, **shell)
    text = page.run()
    if os.environ.get("WINDROW_REWRITE"):
        path.write_text(text)
    return page

"""What every example has in common: its project copied aside, the servers it needs, commands shown as a user types them.

An example NAME is a project, `examples/NAME`, and beside this file a module `NAME.py`:

    SERVERS = (Kafka, Minio)            classes of tests/servers, or of the module itself
    ROWS = 100_000                      how much is fed where --rows is not given
    def settings(stage): …              optional: environment variables that the project reads, from what the servers tell
    def feed(stage): …                  brings the data where the project reads it
    def run(stage): …                   stage.windrow("run"), as a user would
    def show(stage): …                  what an application reads, through another program

`./dev example NAME` and `tests/integration/example_NAME_test.py` go through the same stage.
"""
import contextlib
import dataclasses
import importlib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [folder for folder in (str(ROOT / "tests/servers"), str(pathlib.Path(__file__).parent))
                if folder not in sys.path]

import fetch  # noqa: E402  (tests/servers/fetch.py)
from server import Failure, Server, locked  # noqa: E402  (tests/servers/server.py)

PROGRAM = pathlib.Path(os.environ.get("WINDROW") or ROOT / "build/release/windrow")
# What a run of an example in the repository leaves there is not part of it.
LEFT_BEHIND = shutil.ignore_patterns("lake", ".windrow", "__pycache__", "*.db", ".env")


@dataclasses.dataclass
class Stage:
    """An example under way."""

    name: str
    folder: pathlib.Path  # the project, a copy
    rows: int
    seed: int = 1
    quiet: bool = False  # tests: commands are not shown, and what they print is kept
    servers: dict[str, Server] = dataclasses.field(default_factory=dict)  # by Server.name, all ready
    environment: dict[str, str] = dataclasses.field(default_factory=dict)  # what the project reads, beside the process's
    module: typing.Any = None
    closing: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    def say(self, text: str) -> None:
        if not self.quiet:
            print(f"\n== {text}", flush=True)

    def windrow(self, *words: str, check: bool = True, timeout: float | None = None) -> subprocess.CompletedProcess:
        """Runs the program in the project's folder. Fails as it fails, unless `check` is false."""
        if not self.quiet:
            print("$ windrow " + shlex.join(words), flush=True)
        result = subprocess.run([str(PROGRAM), *words], cwd=self.folder, env=self.whole_environment(), text=True,
                                capture_output=self.quiet, timeout=timeout)
        if check and result.returncode != 0:
            told = f"\n{result.stdout}\n{result.stderr}" if self.quiet else ""
            raise Failure(f"windrow {shlex.join(words)} ended with {result.returncode}{told}")
        return result

    def start(self, *words: str) -> subprocess.Popen:
        """Starts the program and goes on; it is stopped at the end where it still runs."""
        if not self.quiet:
            print("$ windrow " + shlex.join(words) + " &", flush=True)
        child = subprocess.Popen([str(PROGRAM), *words], cwd=self.folder, env=self.whole_environment(), text=True,
                                 start_new_session=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL if self.quiet else None,
                                 stderr=subprocess.DEVNULL if self.quiet else None)
        self.closing.callback(stopped, child)
        return child

    def whole_environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ.get('PATH', '')}"} | self.environment

    def table(self, columns: list[str], rows: list, title: str = "") -> None:
        """Prints rows that another program has read."""
        if self.quiet:
            return
        cells = [[str(cell) for cell in row] for row in [columns, *rows]]
        widths = [min(40, max(len(row[at]) for row in cells)) for at in range(len(columns))]
        if title:
            print(f"\n{title}")
        for row in cells:
            print("  " + "  ".join(cell[:40].ljust(width) for cell, width in zip(row, widths)).rstrip(), flush=True)


def stopped(child: subprocess.Popen) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def names() -> list[str]:
    """Examples that have both, a project and a module beside this file."""
    here = pathlib.Path(__file__).parent
    return sorted(folder.name for folder in (ROOT / "examples").iterdir() if (here / f"{folder.name}.py").exists())


def about(name: str) -> str:
    """The first sentence of its README."""
    for line in (ROOT / "examples" / name / "README.md").read_text().splitlines():
        if line and not line.startswith(("#", "!")):
            return line.split(". ")[0].rstrip(".:")
    return ""


@contextlib.contextmanager
def staged(name: str, folder: pathlib.Path, rows: int | None = None, seed: int = 1, keep: bool = False, quiet: bool = False,
           servers: pathlib.Path | None = None):
    """The example's project in `folder` with its servers up, its settings made. All is stopped afterwards, unless `keep`."""
    module = importlib.import_module(name)
    stage = Stage(name, folder, rows or module.ROWS, seed, quiet, module=module)
    home = servers or folder.with_name(folder.name + "-servers")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / name, folder, ignore=LEFT_BEHIND)
    kinds: tuple[type[Server], ...] = tuple(module.SERVERS)
    fetch.need(tuple(dict.fromkeys(tool for kind in kinds for tool in kind.tools)))
    try:
        for kind in kinds:
            server = kind(home)
            stage.servers[server.name] = server
            stage.say(f"starting {server.name}")
            server.fetch()
            server.up()
            if not quiet:
                print(f"   {server.address()}", flush=True)
        if hasattr(module, "settings"):
            stage.environment |= module.settings(stage)
        (folder / ".env").write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in stage.environment.items()))
        yield stage
    finally:
        stage.closing.close()
        if not keep:
            for server in reversed(stage.servers.values()):
                server.down()


__all__ = ["Failure", "ROOT", "Server", "Stage", "about", "locked", "names", "staged"]

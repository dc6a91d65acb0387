"""What every server has in common: a folder of its own, ports, processes with pid files, health, an env file.

A server's folder, below the root (`build/servers`, or $WINDROW_SERVERS):
  ports         NAME=PORT, one a line; chosen once, kept until `down`
  prepared      there when ports are chosen, configuration is written and storage formatted
  env           KEY=VALUE, one a line: what a program needs to reach it. Written when it is ready
  PROCESS.pid   process id and start time, so that a stranger with the same id is never taken for ours
  log/          PROCESS.log
  tmp/, …       temporary files, and the server's own data and configuration
All of it goes with `down`.
"""
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zlib

# Below the range from which systems take ports for outgoing connections (32768 and up).
PORTS = range(20000, 32000)


class Failure(Exception):
    """What the user must be told, in one message."""


def cache() -> pathlib.Path:
    """Where fetched programs are kept, as for everything that ./dev fetches."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(os.environ.get("WINDROW_CACHE") or pathlib.Path(home) / "windrow")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def root() -> pathlib.Path:
    """Where the servers of this clone live."""
    given = os.environ.get("WINDROW_SERVERS")
    return pathlib.Path(given or pathlib.Path(__file__).parents[2] / "build/servers").absolute()


@contextlib.contextmanager
def locked(path: pathlib.Path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get(url: str, seconds: float = 3) -> bytes | None:
    """The body of an answer 200, else nothing."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            return answer.read() if answer.status == 200 else None
    except (OSError, urllib.error.URLError):
        return None


def connects(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclasses.dataclass
class Process:
    name: str
    argv: list[str]
    env: dict[str, str] = dataclasses.field(default_factory=dict)


class Server:
    """One kind of server. A new one is a file with a class that fills in what is below and a line in __main__.py."""

    name = ""
    about = ""  # one line for `./dev servers`
    tools: tuple[str, ...] = ()  # what `fetch` and the server itself need on the machine; see fetch.TOOLS
    port_names: tuple[str, ...] = ()
    seconds = 120  # until it must be ready

    def fetch(self) -> None:
        """Puts the program into the cache, where it is not there."""

    def prepare(self) -> None:
        """Writes configuration, formats storage: before the first start of any process."""

    def processes(self) -> list[Process]:
        raise NotImplementedError

    def missing(self) -> str | None:
        """Asks the running server. What it still lacks, or nothing when it can be used."""
        raise NotImplementedError

    def address(self) -> str:
        raise NotImplementedError

    def variables(self) -> dict[str, str]:
        """What a program needs to reach it."""
        raise NotImplementedError

    def provide(self) -> None:
        """Makes what users expect to find: a bucket, a folder. After it is ready; may be called again."""

    # --- the same for all -------------------------------------------------------------------------------------

    def __init__(self, folder: pathlib.Path | None = None):
        self.home = (folder or root()) / self.name

    @property
    def ports(self) -> dict[str, int]:
        try:
            lines = (self.home / "ports").read_text().split()
        except FileNotFoundError:
            return {}
        return {name: int(port) for name, port in (line.split("=") for line in lines)}

    def pid(self, process: str) -> int | None:
        """Its process id while it runs."""
        try:
            pid, started = (self.home / f"{process}.pid").read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def running(self) -> dict[str, int]:
        """Processes that run, with their ids."""
        found = {file.stem: self.pid(file.stem) for file in sorted(self.home.glob("*.pid"))}
        return {name: pid for name, pid in found.items() if pid is not None}

    def up(self) -> None:
        """Starts what does not run, and waits until it can be used."""
        with locked(cache() / "servers.lock"):  # two clones at once: the second chooses ports when ours are taken
            prepared = self.home / "prepared"
            if not prepared.exists():
                shutil.rmtree(self.home, ignore_errors=True)  # of a start that was killed
                for folder in ("log", "tmp"):
                    (self.home / folder).mkdir(parents=True)
                self.choose_ports()
                self.prepare()
                prepared.touch()
            started = [self.start(process) for process in self.processes() if self.pid(process.name) is None]
            self.wait(started)
        self.provide()
        lines = [f"{key}={value}\n" for key, value in self.variables().items()]
        whole = self.home / "env.new"
        whole.write_text("".join(lines))
        whole.rename(self.home / "env")

    def choose_ports(self) -> None:
        chosen: dict[str, int] = {}
        at = zlib.crc32(str(self.home).encode()) % len(PORTS)  # another clone begins elsewhere
        for _ in PORTS:
            if len(chosen) == len(self.port_names):
                break
            port = PORTS[at % len(PORTS)]
            at += 1
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            chosen[self.port_names[len(chosen)]] = port
        if len(chosen) < len(self.port_names):
            raise Failure(f"{self.name}: no free port from {PORTS.start} to {PORTS.stop - 1}")
        (self.home / "ports").write_text("".join(f"{name}={port}\n" for name, port in chosen.items()))

    def start(self, process: Process) -> tuple[Process, subprocess.Popen]:
        kept = ("PATH", "HOME", "LANG", "JAVA_HOME", "USER", "LOGNAME")
        env = {key: os.environ[key] for key in kept if key in os.environ}
        env |= {"TMPDIR": str(self.home / "tmp"), **process.env}
        with open(self.log(process.name), "ab") as log:
            child = subprocess.Popen(process.argv, cwd=self.home, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        (self.home / f"{process.name}.pid").write_text(f"{child.pid} {start_time(child.pid)}\n")
        return process, child

    def wait(self, started: list[tuple[Process, subprocess.Popen]]) -> None:
        end = time.monotonic() + self.seconds
        while True:
            for process, child in started:
                if child.poll() is not None:
                    self.stop()
                    raise Failure(f"{self.name}: {process.name} ended with {child.returncode} while starting:\n"
                                  + self.tail(process.name, 15))
            lacks = self.missing()
            if lacks is None:
                return
            if time.monotonic() > end:
                self.stop()
                raise Failure(f"{self.name}: not ready after {self.seconds} seconds: {lacks}; look at {self.home}/log")
            time.sleep(0.1)

    def log(self, process: str) -> pathlib.Path:
        return self.home / "log" / f"{process}.log"

    def tail(self, process: str, lines: int) -> str:
        try:
            return "\n".join(self.log(process).read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def kill(self, process: str, number: int = signal.SIGKILL, seconds: float = 10) -> None:
        """Signals one process and all that it has started, and waits until it is gone."""
        pid = self.pid(process)
        if pid is None:
            return
        end = time.monotonic() + seconds
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        while self.pid(process) is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # ours where a test has started it
            if time.monotonic() > end:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                end += seconds
            time.sleep(0.02)
        (self.home / f"{process}.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        for process in self.running():
            self.kill(process, signal.SIGTERM)

    def down(self) -> None:
        """Stops it and removes its data, logs and ports."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.home.parent.rmdir()  # the last one


def start_time(pid: int) -> str | None:
    """When a process began, as the kernel counts; nothing where it is gone or only waits to be reaped."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def memory(pid: int) -> int:
    """Resident bytes."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0

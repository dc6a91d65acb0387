"""A server of windrow, as tests talk to it: what it says is read from its JSON lines."""
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import threading
import time

import lab

PATIENCE = float(os.environ.get("WINDROW_PATIENCE", "60"))  # seconds; other work may keep the machine busy


class Server:
    def __init__(self, *folders: pathlib.Path, words: tuple[str, ...] = (), environment: dict[str, str] | None = None):
        self.events: list[dict] = []
        self.heard = threading.Condition()
        self.process = subprocess.Popen([lab.PROGRAM, "--json", "serve", *map(str, folders), *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=os.environ | (environment or {}))
        self.errors: list[str] = []
        self.readers = [threading.Thread(target=self.read, daemon=True), threading.Thread(target=self.read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read(self) -> None:
        for line in self.process.stdout:
            with self.heard:
                self.events.append(json.loads(line))
                self.heard.notify_all()
        with self.heard:
            self.heard.notify_all()

    def read_errors(self) -> None:
        self.errors.extend(self.process.stderr)

    def wait(self, event: str, count: int = 1, **fields) -> dict:
        """The count-th event of that name with these fields, once it is there."""
        def found() -> list[dict]:
            return [e for e in self.events if e["event"] == event and all(e.get(k) == v for k, v in fields.items())]
        deadline = time.monotonic() + PATIENCE
        with self.heard:
            while len(found()) < count:
                left = deadline - time.monotonic()
                ended = not self.readers[0].is_alive()
                assert left > 0 and not ended, f"no {event} {fields} from {'an ended' if ended else 'the'} server: {self.events}\n{self.errors}"
                self.heard.wait(min(left, 0.5))
            return found()[count - 1]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.readers[0].join()

    def stop(self) -> int:
        """As systemd does it."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        self.readers[0].join()
        return code

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()


def history(folder: pathlib.Path, sql: str, *values) -> list[tuple]:
    connection = sqlite3.connect(f"file:{folder}/.windrow/history.db?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def waits_for(what, patience: float = PATIENCE):
    """Its value, once that counts as true."""
    deadline = time.monotonic() + patience
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, what
        time.sleep(0.05)

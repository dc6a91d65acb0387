"""What the tests of the web page share: a project with a past, the real server on a free port, and a real browser."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

from playwright.sync_api import expect

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("WINDROW", str(ROOT / "build/release/windrow"))
BROWSER = shutil.which("chromium") or "/usr/bin/chromium"
expect.set_options(timeout=20_000)
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"

SCHEDULES = """
begin: 1990-01-01
schedules:
  hourly: {cron: "0 * * * *", select: "+gold.genre_analytics", deadline: 30m}
  nightly: {cron: "30 2 * * *", timezone: Europe/Berlin}
sensors:
  inbox: {file: "data/*.json"}
"""
# Fails its check: someone must look at it.
TRENDS = """/* windrow
description: Films a year and genre, of those that were rated by at least a hundred people.
tags: [trends]
owner: analytics
columns:
  year: {description: "Year of the release.", checks: [not_null]}
checks: [{rows: {max: 10}}]
*/
SELECT release_year AS year, major_genre AS genre, count(*) AS films, round(avg(imdb_rating), 2) AS rating
FROM silver.movies
WHERE imdb_votes >= 100
GROUP BY ALL
"""
SLOW = """task: archive
tags: [slow]
command: ["sh", "-c", "for i in $(seq 1 400); do echo \\"packed part $i\\"; sleep 0.1; done"]
"""


def run(folder: pathlib.Path, *words: str, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run([PROGRAM, "-C", str(folder), *words], capture_output=True, text=True, timeout=180)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def films(folder: pathlib.Path) -> pathlib.Path:
    """The quick start on real films, with a past: built, a late file, a check that fails, a retry."""
    run(folder.parent, "init", "quickstart", str(folder))
    (folder / "data/movies.json").unlink()
    shutil.copy(os.environ["MOVIES_JSON"], folder / "data/films.json")
    with (folder / "windrow.yaml").open("a") as file:
        file.write(SCHEDULES)
    (folder / "tasks").mkdir()
    (folder / "tasks/archive.yaml").write_text(SLOW)
    source = folder / "sources/movies.yaml"
    source.write_text(source.read_text().replace("${MOVIES_JSON:-data/movies.json}", "data/*.json"))
    run(folder, "run", "--exclude", "task.archive")
    (folder / "data/late.json").write_text(
        '{"Title": "Metropolis", "Release Date": "Jan 10 1927", "Worldwide Gross": 1350322, "Major Genre": "Drama"}\nthis is not JSON\n')
    run(folder, "run", "--exclude", "task.archive")
    (folder / "models/gold/trends.sql").write_text(TRENDS)
    run(folder, "run", "--exclude", "task.archive", check=False)
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """`windrow serve --listen` that can be killed and begun again on the same port."""

    def __init__(self, *folders: pathlib.Path, log: pathlib.Path):
        self.folders, self.port, self.log = folders, free_port(), log
        self.process: subprocess.Popen | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "--grace", "0s", "--listen", f"127.0.0.1:{self.port}", *map(str, self.folders)], stdout=log, stderr=log)
        for _ in range(300):
            with contextlib.suppress(OSError):
                self.get("projects")
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError("the server does not answer: " + self.log.read_text())

    def get(self, path: str):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=30) as answer:
            return json.load(answer)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def violations(page) -> list[str]:
    """What axe finds wrong with the page as it is now."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['help']}\n  " + "\n  ".join(f"{node['target']} {node['failureSummary']}" for node in one["nodes"][:3])
            for one in found["violations"]]


class Watched:
    """A tab whose errors are kept: of scripts, of the policy, of requests that failed."""

    def __init__(self, browser, url: str, scheme: str = "light", width: int = 1360, height: int = 860):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", accept_downloads=True, timezone_id="Europe/Berlin")
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.url, self.errors = url, []
        self.page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(f"console: {said.text}"))

    def open(self, path: str):
        """The page at a path, when it has its heading and waits for nothing."""
        self.page.goto(self.url + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.locator("main h1").first.wait_for()
        expect(self.page.get_by_role("status", name="loading")).to_have_count(0)
        self.page.evaluate("() => document.fonts.ready")
        self.page.wait_for_timeout(150)

    def close(self) -> None:
        self.context.close()

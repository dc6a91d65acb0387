"""Plays a case against the program, and holds every table against the oracle whenever all should be up to date."""
import collections
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import zoneinfo

import deltalake
import pyarrow

import world

PROGRAM = os.environ.get("WINDROW", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/windrow"))
UTC = datetime.timezone.utc
QUARTER = 900  # seconds of the shortest interval; where it ends, longer ones may


class Failure(Exception):
    """What the program did is not what the documents say."""


class Play:
    def __init__(self, case: dict, folder: pathlib.Path):
        self.case = json.loads(json.dumps(case))  # definitions change while it is played
        self.folder = folder
        self.rows: list = []  # of the raw table, once everything is read
        self.ever: list = []  # of all files
        self.then: world.Kept | None = None  # once retention has taken rows
        self.environments = ["dev"]
        self.played = self.compared = 0
        self.settled_at = 0.0  # when everything began to be brought up to date
        for name, text in world.project_files(self.case).items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name("." + path.name)
        part.write_text(text)
        part.rename(path)

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen([PROGRAM, "-C", str(self.folder), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def windrow(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, error = process.communicate(timeout=120)
        if process.returncode < 0 or process.returncode > 2:
            raise Failure(f"windrow {' '.join(words)} ended with {process.returncode}\n{out}\n{error}")
        return process.returncode, out, error

    def words(self, words: list) -> list:
        """With the models' present names: `{3}` is the third one."""
        names = {str(model["id"]): model["name"] for model in self.case["models"]}
        return [re.sub(r"\{(\d+)\}", lambda found: names[found[1]], word) for word in words]

    def model(self, number: int) -> dict:
        return next(model for model in self.case["models"] if model["id"] == number)

    def lake(self, environment: str = "dev") -> pathlib.Path:
        return self.folder / ("lake" if environment == "dev" else "lake_prod")

    def path(self, name: str, environment: str = "dev") -> pathlib.Path:
        return self.lake(environment) / name.replace(".", "/")

    def all(self) -> int:
        for step in self.case["steps"]:
            getattr(self, step["do"])(step)
            self.played += 1
        return self.played

    # --- steps

    def file(self, step: dict) -> None:
        self.rows += step["rows"]
        self.ever += step["rows"]
        lines = [json.dumps(dict(zip(world.EVENTS, row))) for row in step["rows"]]
        self.write("in/" + step["name"], "".join(line + "\n" for line in lines))

    def seed(self, step: dict) -> None:
        self.case["names"] = step["names"]
        self.write("seeds/names.csv", world.seed_text(step["names"]))

    def edit(self, step: dict) -> None:
        model = self.model(step["model"])
        model["cut"] = step["cut"]
        if self.then:
            concerned = {m["id"] for m in self.case["models"] if self.then.changed(self.case, m)} | {model["id"]}
            self.then.edited |= concerned
            if len(self.rows) > self.then.raw_rows:
                self.then.edited_late |= concerned
        self.write(world.model_path(model), world.model_text(self.case, model))

    def rename(self, step: dict) -> None:
        """docs/project.md, "Another name": nothing is built anew for it, nor what reads the table and differs by nothing but the name."""
        model = self.model(step["model"])
        if step["settled"] or self.then:  # a table of two names ago is nobody's: what is built anew has not the rows that are gone
            self.settle_in("dev")
        before = self.versions()
        former = model["name"]
        (self.folder / world.model_path(model)).unlink()
        for other in self.case["models"]:
            for key in ("from", "other"):
                if other.get(key) == former:
                    other[key] = step["to"]
        model["name"], model["formerly"] = step["to"], former
        for other in self.case["models"]:
            if step["to"] in (other["name"], other["from"], other.get("other")):
                self.write(world.model_path(other), world.model_text(self.case, other))
        if not step["settled"]:
            return
        planned = json.loads(self.windrow("plan", "--json")[1])["steps"]
        if due := [s for s in planned if s["reasons"] and s["reasons"] != [f"renamed from {former}"]]:
            raise Failure(f"stale by another name: {[(s['asset'], s['reasons']) for s in due]}")
        self.may_refuse(self.windrow("run", "-q", "--json"), part=False)
        if before != self.versions():
            raise Failure(f"built by another name: {former} is {step['to']}: {before} {self.versions()}")

    def versions(self) -> dict:
        """Of each table its id and version, by the model's number."""
        out = {}
        for model in self.case["models"]:
            path = self.path(model["name"])
            if has_table(path):
                table = deltalake.DeltaTable(str(path))
                out[model["id"]] = (table.metadata().id, table.version())
        return out

    def restore(self, step: dict) -> None:
        """docs/cli.md, "table restore": what changed since is stale; a source reads nothing again."""
        (name,) = self.words([step["table"]])
        if name == world.RAW:
            self.may_refuse(self.windrow("run", "-q", "--json", "-s", name))
        if not has_table(self.path(name)):
            return
        version = max(0, deltalake.DeltaTable(str(self.path(name))).version() - step["back"])
        code, out, error = self.windrow("table", "restore", name, "--version", str(version), "-q")
        if code:
            if not re.search("data files are gone|its log was cleaned|has no version", out + error):
                raise Failure(f"windrow table restore {name} --version {version}: {out}{error}")
        elif name == world.RAW:
            self.rows = [[v.isoformat() if isinstance(v, datetime.datetime) else v for v in row]
                         for row in stored(self.path(name))]
            ever = [[datetime.datetime.fromisoformat(v).isoformat() if isinstance(v, str) else v for v in row] for row in self.ever]
            if more := counted(self.rows) - counted(ever):
                raise Failure(f"{name} has rows of no file: {more}")

    def retain(self, step: dict) -> None:
        """docs/maintenance.md, "Retention": rows before a day go, and nothing becomes stale."""
        self.settle_in("dev")
        # Days are of 24 hours: where clocks have changed since, so many of them may end in the day beside, just after a midnight.
        now, zone = datetime.datetime.now(datetime.timezone.utc), zoneinfo.ZoneInfo(self.case["zone"])
        self.case["days"] = (now.astimezone(zone).date() - datetime.date.fromisoformat(step["day"])).days
        day = (now - datetime.timedelta(days=self.case["days"])).astimezone(zone).date().isoformat()
        if not self.then:
            self.then = world.Kept(day)
            self.keep()
        self.then.day = day
        self.write("windrow.yaml", world.project_files(self.case)["windrow.yaml"])
        left = world.kept(self.case, self.rows, day)
        taken = len(self.rows) - len(left)
        if step["kill"]:
            self.killed(["lake", "retain", "-q"], step["kill"])
        code, out, error = self.windrow("lake", "retain", "--json")
        if code or (not step["kill"] and [t["rows"] for t in json.loads(out)["tables"] if t["table"] == world.RAW] != [taken]):
            raise Failure(f"lake retain: exit {code}, {taken} rows should go: {out}{error}")
        self.rows = left
        self.then.raw_rows = len(left)
        for model in self.case["models"]:
            self.then.taken[model["id"]] += taken
        self.nothing_stale("dev")
        self.compare("dev")

    def run(self, step: dict) -> None:
        words = self.words(step["words"])
        self.note(words)
        self.may_refuse(self.windrow("run", "-q", "--json", *words))

    def note(self, words: list) -> None:
        if self.then and "--full-refresh" in words:
            self.then.refreshed = True

    def backfill(self, step: dict) -> None:
        """Where it cannot build a part, it is paused; what is wrong then the next settling meets as well."""
        code, out, error = self.windrow("backfill", step["start"], step["end"], "--only", step.get("only", "all"), "-q", "--json")
        if code and not re.search("built by intervals|--full-refresh|retention has taken|not in the lake yet|full refresh", out + error):
            raise Failure(f"exit {code}: {out}{error}")

    def table(self, step: dict) -> None:
        words = self.words(step["words"])
        code, out, error = self.windrow("table", *words, "-q")
        if code and not re.search("there is no Delta table", out + error):
            raise Failure(f"windrow table {' '.join(words)}: {out}{error}")

    def kill(self, step: dict) -> None:
        self.note(step["words"])
        self.killed(["run", "-q", *step["words"]], step["after"])

    def killed(self, words: list, after: float) -> None:
        process = self.start(*words)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()

    def two(self, _: dict) -> None:
        pair = [self.start("run", "-q", "--json"), self.start("run", "-q", "--json")]
        for process in pair:
            out, error = process.communicate(timeout=120)
            self.may_refuse((process.returncode, out, error))

    def prod(self, _: dict) -> None:
        if "prod" not in self.environments:
            self.environments.append("prod")

    def settle(self, _: dict) -> None:
        for environment in self.environments:
            self.settle_in(environment)

    # --- what must hold

    def may_refuse(self, result: tuple[int, str, str], part: bool = True) -> tuple[list, list]:
        """Models that ask for a full refresh, as `append` does where rows went, and those that retention holds back. Anything else that fails
        is a fault; of a part also what it reads may not be there yet."""
        code, out, error = result
        if not code:
            return [], []
        try:
            tasks = json.loads(out)["tasks"]
        except (ValueError, KeyError):
            raise Failure(f"exit {code}: {out}{error}") from None
        refused, held = [], []
        for task in tasks:
            if task["status"] != "failed":
                continue
            problem = task["problem"]
            if part and "is not in the lake yet" in problem["message"]:
                continue
            if self.then and "retention has taken" in problem["message"]:
                held.append(task["asset"])
            elif "--full-refresh" in problem["message"] + problem.get("hint", ""):
                refused.append(task["asset"])
            else:
                raise Failure(f"{task['asset']} failed: {problem['code']}: {problem['message']}")
        return refused, held

    def settle_in(self, environment: str) -> None:
        words = ["--env", environment]
        self.settled_at = time.time()
        for turn in range(2 * len(self.case["models"]) + 2):
            refused, held = self.may_refuse(self.windrow("run", "-q", "--json", *words), part=False)
            if turn == 0 and self.then:
                for model in self.case["models"]:
                    if model["name"] not in held and self.then.must_refuse(self.case, model, len(self.rows)):
                        raise Failure(f"{model['name']} was rebuilt though retention has taken rows that it was built from")
            if refused:
                self.may_refuse(self.windrow("run", "-q", "--json", "--full-refresh", "-s", " ".join(refused), *words))
            for name in held:
                self.release(world.by_name(self.case)[name])
            if not refused and not held:
                break
        else:
            raise Failure(f"cannot be built again and again: {refused} {held}")
        self.nothing_stale(environment)
        self.compare(environment)
        if self.then:
            self.keep()

    def release(self, model: dict) -> None:
        """docs/sql.md, "Rows that cannot come again": kept as it is, or built from what is left."""
        number = model["id"]
        if self.then.changed(self.case, model) and number not in self.then.edited_late and number % 2:
            code, out, error = self.windrow("plan", "--accept", model["name"])
            self.then.accepted.add(number)
        else:
            code, out, error = self.windrow("run", "-q", "--rebuild-sealed", "-s", model["name"])
            self.then.rebuilt.add(number)
        if code:
            raise Failure(f"what retention holds back is not released: {out}{error}")

    def nothing_stale(self, environment: str) -> None:
        due = self.due(environment)
        if due and self.settled_at // QUARTER < time.time() // QUARTER:  # an interval has ended since, and is due itself
            self.windrow("run", "-q", "--json", "--env", environment)
            due = self.due(environment)
        if due:
            raise Failure("stale after a run: " + "; ".join(f"{s['asset']}: {s['reasons']} {s.get('problem', '')}" for s in due))

    def due(self, environment: str) -> list[dict]:
        steps = json.loads(self.windrow("plan", "--json", "--env", environment)[1])["steps"]
        if not self.then:
            return steps
        return [s for s in steps if s["reasons"] or s.get("problem") or not s.get("sealed_count")]

    def keep(self) -> None:
        tables = {m["id"]: self.rows_of(m) for m in self.case["models"] if m["kind"] != "view"}
        self.then.settle(self.case, tables, len(self.rows))

    def rows_of(self, model: dict, environment: str = "dev") -> list:
        return table_rows(self.path(model["name"], environment), model["kind"] == "scd2")

    def compare(self, environment: str) -> None:
        oracle = world.Oracle(self.case, self.rows, self.then, self.rows_of)
        raw = {"name": world.RAW, "kind": "source"}
        for model in [raw, *self.case["models"]]:
            if model["kind"] == "view":
                continue
            there, expected = counted(self.rows_of(model, environment)), counted(oracle.rows(model))
            if there != expected:
                raise Failure(f"{model['name']} ({model['kind']}) differs from a full build\n"
                              f"  missing: {sorted((expected - there).elements(), key=repr)[:10]}\n"
                              f"  too many: {sorted((there - expected).elements(), key=repr)[:10]}")
            self.compared += 1


def has_table(path: pathlib.Path) -> bool:
    """A first commit that was killed leaves a folder without a table."""
    return any(path.glob("_delta_log/*.json"))


def counted(rows: list) -> collections.Counter:
    return collections.Counter(plain(row) for row in rows)


def plain(row) -> tuple:
    out = []
    for value in row:
        if isinstance(value, datetime.datetime):
            out.append(value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat())
        elif value is None or isinstance(value, (bool, int, str)):
            out.append(value)
        else:
            out.append(int(value) if value == int(value) else float(value))
    return tuple(out)


def read(path: pathlib.Path) -> list[dict]:
    """By delta-rs's SQL: its way to pyarrow knows no deletion vectors."""
    table = deltalake.DeltaTable(str(path))
    columns = ", ".join(f'"{field.name}"' for field in table.schema().fields)
    return pyarrow.table(deltalake.QueryBuilder().register("t", table).execute(f"SELECT {columns} FROM t")).to_pylist()


def stored(path: pathlib.Path) -> list:
    return [list(row.values()) for row in read(path)]


def table_rows(path: pathlib.Path, history: bool) -> list:
    """Of a history of changes the present rows, after a look at the others."""
    if not has_table(path):
        return []
    if not history:
        return stored(path)
    table = read(path)
    check_history(table)
    return [[v for c, v in row.items() if c not in ("valid_from", "valid_to", "is_current")] for row in table if row["is_current"]]


def check_history(rows: list) -> None:
    by_key = collections.defaultdict(list)
    for row in rows:
        by_key[row["k"]].append(row)
    for key, states in by_key.items():
        states.sort(key=lambda row: row["valid_from"])
        if sum(row["is_current"] for row in states) > 1:
            raise Failure(f"key {key} has two present states")
        for row, following in zip(states, states[1:]):
            if row["valid_to"] is None or row["valid_to"] > following["valid_from"]:
                raise Failure(f"states of key {key} overlap: {row} {following}")
        if any((row["valid_to"] is None) != row["is_current"] for row in states):
            raise Failure(f"key {key}: is_current does not agree with valid_to")

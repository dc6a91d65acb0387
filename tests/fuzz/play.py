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

import deltalake

import world

PROGRAM = os.environ.get("WINDROW", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/windrow"))
UTC = datetime.timezone.utc


class Failure(Exception):
    """What the program did is not what the documents say."""


class Play:
    def __init__(self, case: dict, folder: pathlib.Path):
        self.case = json.loads(json.dumps(case))  # definitions change while it is played
        self.folder = folder
        self.rows: list = []  # of the raw table, once everything is read
        self.environments = ["dev"]
        self.commands: list[str] = []
        self.played = self.compared = 0
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

    def all(self) -> int:
        for step in self.case["steps"]:
            getattr(self, step["do"])(step)
            self.played += 1
        return self.played

    # --- steps

    def file(self, step: dict) -> None:
        self.rows += step["rows"]
        lines = [json.dumps(dict(zip(world.EVENTS, row))) for row in step["rows"]]
        self.write("in/" + step["name"], "".join(line + "\n" for line in lines))

    def seed(self, step: dict) -> None:
        self.case["names"] = step["names"]
        self.write("seeds/names.csv", world.seed_text(step["names"]))

    def edit(self, step: dict) -> None:
        for model in self.case["models"]:
            if model["name"] == step["model"]:
                model["cut"] = step["cut"]
                self.write(world.model_path(model), world.model_text(self.case, model))

    def run(self, step: dict) -> None:
        self.may_refuse(self.windrow("run", "-q", "--json", *step["words"]))

    def backfill(self, step: dict) -> None:
        self.may_refuse(self.windrow("backfill", step["start"], step["end"], "-q", "--json"))

    def table(self, step: dict) -> None:
        code, out, error = self.windrow("table", *step["words"], "-q")
        if code and not re.search("there is no Delta table", out + error):
            raise Failure(f"windrow table {' '.join(step['words'])}: {out}{error}")

    def kill(self, step: dict) -> None:
        process = self.start("run", "-q", *step["words"])
        try:
            process.wait(step["after"])
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

    def may_refuse(self, result: tuple[int, str, str], part: bool = True) -> list:
        """Models that ask for a full refresh, as `append` does where rows went. Anything else that fails is a fault; of a part also what
        it reads may not be there yet."""
        code, out, error = result
        if not code:
            return []
        try:
            tasks = json.loads(out)["tasks"]
        except (ValueError, KeyError):
            raise Failure(f"exit {code}: {out}{error}") from None
        refused = []
        for task in tasks:
            if task["status"] != "failed":
                continue
            problem = task["problem"]
            if part and "is not in the lake yet" in problem["message"]:
                continue
            if "--full-refresh" not in problem["message"] + problem.get("hint", ""):
                raise Failure(f"{task['asset']} failed: {problem['code']}: {problem['message']}")
            refused.append(task["asset"])
        return refused

    def settle_in(self, environment: str) -> None:
        words = ["--env", environment]
        for _ in range(len(self.case["models"]) + 2):
            refused = self.may_refuse(self.windrow("run", "-q", "--json", *words), part=False)
            if not refused:
                break
            self.may_refuse(self.windrow("run", "-q", "--json", "--full-refresh", "-s", " ".join(refused), *words))
        else:
            raise Failure(f"asks for a full refresh again and again: {refused}")
        plan = json.loads(self.windrow("plan", "--json", *words)[1])
        if plan["steps"]:
            raise Failure("stale after a run: " + "; ".join(f"{s['asset']}: {s['reasons']}" for s in plan["steps"]))
        lake = self.folder / ("lake" if environment == "dev" else "lake_prod")
        self.compare(lake)

    def compare(self, lake: pathlib.Path) -> None:
        oracle = world.Oracle(self.case, self.rows)
        raw = {"name": "bronze.e", "kind": "source"}
        for model in [raw, *self.case["models"]]:
            if model["kind"] == "view":
                continue
            there = table_rows(lake / model["name"].replace(".", "/"), model["kind"] == "scd2")
            expected = collections.Counter(plain(row) for row in oracle.rows(model))
            if there != expected:
                raise Failure(f"{model['name']} ({model['kind']}) differs from a full build\n"
                              f"  missing: {sorted((expected - there).elements(), key=repr)[:10]}\n"
                              f"  too many: {sorted((there - expected).elements(), key=repr)[:10]}")
            self.compared += 1


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


def table_rows(path: pathlib.Path, history: bool) -> collections.Counter:
    """Of a history of changes the present rows, after a look at the others."""
    if not (path / "_delta_log").exists():
        return collections.Counter()
    table = deltalake.DeltaTable(str(path)).to_pyarrow_table().to_pylist()
    if not history:
        return collections.Counter(plain(row.values()) for row in table)
    present = [row for row in table if row["is_current"]]
    check_history(table)
    return collections.Counter(plain(v for c, v in row.items() if c not in ("valid_from", "valid_to", "is_current")) for row in present)


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

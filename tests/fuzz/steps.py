"""Draws projects and what happens to them from a seed."""
import datetime
import random

UTC = datetime.timezone.utc
# Zones with days whose clocks change. Half an hour, a quarter of an hour off UTC, and none at all.
ZONES = {
    "UTC": ["2026-10-25"],
    "Europe/Berlin": ["2026-10-25", "2026-03-29"],
    "America/New_York": ["2026-11-01", "2026-03-08"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Asia/Kathmandu": ["2026-10-25"],
}

# Kinds of tables, with the rules by which they may be maintained.
STRATEGIES = {"groups": ["keys"], "sums": ["sums", "sums", "keys"], "outer": ["sums", "keys"], "window": ["keys"], "distinct": ["keys"], "exists": ["sums", "keys"],
              "average": ["keys"], "one": ["sums"], "around": ["sums"], "means": ["sums", "sums", "keys"], "distincts": ["sums", "sums", "keys"],
              "ranks": ["sums"], "asked": ["sums"], "inside": ["sums"], "latest": ["rows"], "recent": ["sums", "sums", "keys"]}
SHAPES = ["rows", "join", "union", "self", "top", *STRATEGIES]


def draw_case(seed: int, steps: int) -> dict:
    rng = random.Random(seed)
    zone = rng.choice(list(ZONES))
    day = datetime.date.fromisoformat(rng.choice(ZONES[zone]))
    begin = day - datetime.timedelta(days=3)
    begin -= datetime.timedelta(days=begin.weekday())  # weeks begin on Monday
    case = {"seed": seed, "zone": zone, "ts": rng.choice(["timestamp", "timestamptz"]), "day": day.isoformat(), "begin": begin.isoformat(),
            "names": draw_names(rng), "models": draw_models(rng), "steps": []}
    Steps(case, rng).draw(steps)
    return case


def draw_names(rng: random.Random) -> list:
    # A seed that never had a row has columns of text.
    return [[k, rng.randrange(10)] for k in range(5) if rng.random() < 0.8] or [[0, 0]]


def draw_models(rng: random.Random) -> list:
    """A chain and some branches: each reads the raw table or one of those before it."""
    models: list[dict] = []
    events = [("bronze.e", True)]  # tables like the raw one; True: rows are only ever added
    tables = rng.random() < 0.4  # for the most part such as are maintained
    for n in range(rng.randint(2, 6)):
        kind = rng.choice(["table", "table", "table", "append", "merge", "view"] if tables else ["append", "merge", "merge", "interval", "interval", "lookup", "lookback", "leaves", "daily", "daily", "table", "table", "table", "scd2", "view"])
        sources = [t for t in events if t[1]] if kind == "append" else events
        source, grows = rng.choice(sources[-3:])
        layer = "silver" if kind in ("append", "merge", "interval", "view") else "gold"
        model = {"id": n, "name": f"{layer}.{kind[:3]}{n}", "kind": kind, "from": source, "cut": rng.choice([None, None, 3])}
        if kind == "table":
            model["shape"] = rng.choice(SHAPES)
            fitting = STRATEGIES.get(model["shape"], ["rows"])
            model["incremental"] = rng.choice(["", "auto", "never", "{strategy: keys}"] + [f"{{strategy: {rng.choice(fitting)}}}"] * 8)
        if kind == "merge":
            model["latest_by"] = rng.choice(["ts", "v"])
            if source in [m["name"] for m in models if m["kind"] == "view"]:
                model["from"] = "bronze.e"  # the new rows of a view are nobody's
        if kind == "append" and model["from"] != "bronze.e" and next(m for m in models if m["name"] == model["from"])["kind"] != "append":
            model["from"] = "bronze.e"
        if kind in ("interval", "lookup", "lookback", "leaves"):
            model |= {"grain": rng.choice(["hour", "day", "day", "week", "15m", "6h"]), "batch": rng.choice([None, 1000, 100_000])}
        if kind == "daily":
            model |= {"grain": "day", "batch": rng.choice([None, 7, 1000])}
        if kind == "lookback":
            model["hours"] = rng.choice([1, 3, 24])
        if kind == "leaves":
            model["other"] = rng.choice(events)[0]
        models.append(model)
        if kind in ("append", "merge", "interval", "lookup", "view", "leaves") or model.get("shape") in ("rows", "join", "union"):
            events.append((model["name"], kind == "append"))
    return models


class Steps:
    def __init__(self, case: dict, rng: random.Random):
        self.case, self.rng, self.files = case, rng, 0
        self.settled, self.loaded = False, []
        # What each needs of a case does not go together: what another environment has read is not taken back in this one, and what is built
        # from a table as it was is another one where retention has taken rows.
        self.mode = rng.choice(["retain", "restore", "prod"])
        self.names = {model["id"]: [model["name"]] for model in case["models"]}  # all that it has had
        self.day = datetime.date.fromisoformat(case["day"]) - datetime.timedelta(days=rng.choice([3, 3, 2, 1]))  # rows are kept from here

    def draw(self, count: int) -> None:
        self.file()
        special = {"retain": [self.retain, self.retain, self.edit, self.refresh], "restore": [self.restore] * 4, "prod": [self.prod, self.restore]}
        while len(self.case["steps"]) < count:
            self.rng.choices([self.file, self.run, self.settle, self.kill, self.two, self.edit, self.refresh, self.backfill, self.upkeep,
                              self.seed, self.rewrite, self.rename, self.rng.choice(special[self.mode])],
                             [30, 10, 25, 5, 4, 7, 4, 3, 4, 4, 4, 5, 12])[0]()
        self.add({"do": "settle"})

    def add(self, step: dict) -> None:
        self.case["steps"].append(step)
        self.settled = step["do"] == "settle"

    def model(self) -> str:
        """Stands for its name, which may change."""
        return f"{{{self.rng.choice(self.case['models'])['id']}}}"

    def table(self) -> str:
        return self.rng.choice([f"{{{m['id']}}}" for m in self.case["models"] if m["kind"] != "view"] + ["bronze.e"])

    def rows(self, count: int) -> list:
        rng, day = self.rng, datetime.datetime.fromisoformat(self.case["day"])
        out = []
        for _ in range(count):
            near = rng.random() < 0.5
            at = day + (datetime.timedelta(minutes=15 * rng.randrange(0, 24)) if near else datetime.timedelta(minutes=rng.randrange(-4 * 1440, 3 * 1440)))
            if rng.random() < 0.3:
                at = at.replace(minute=0)
            if self.case["ts"] == "timestamp":
                time = at.isoformat()
            else:
                time = (at - datetime.timedelta(minutes=rng.choice([0, 60, 120, -300, 630]))).isoformat() + "Z"
            out.append([rng.randrange(25), rng.choice([0, 1, 2, 3, 4, None]), time if rng.random() > 0.04 else None,
                        rng.randrange(-3, 20) if rng.random() > 0.06 else None])
        if out and rng.random() < 0.3:
            out.append(list(rng.choice(out)))  # the same row twice
        return out

    def file(self) -> None:
        self.files += 1
        name = f"{self.files}.jsonl"
        self.loaded.append(name)
        self.add({"do": "file", "name": name, "rows": self.rows(self.rng.choice([1, 1, 2, 5, 20]))})

    def rewrite(self) -> None:
        """A file whose content changes comes again as a whole. Only of what every environment has read."""
        if not self.settled or self.prod_used() or not self.loaded:
            return
        self.add({"do": "file", "name": self.rng.choice(self.loaded), "rows": self.rows(self.rng.choice([1, 3]))})
        self.add({"do": "settle"})

    def prod_used(self) -> bool:
        return any(step["do"] == "prod" for step in self.case["steps"])

    def run(self) -> None:
        words = self.rng.choice([[], ["-j", "8"], ["-s", self.model()], ["-s", f"+{self.model()}"], ["-s", "bronze.e"], ["--exclude", self.model()]])
        self.add({"do": "run", "words": words})

    def settle(self) -> None:
        if not self.settled:
            self.add({"do": "settle"})

    def kill(self) -> None:
        self.add({"do": "kill", "after": round(self.rng.uniform(0.01, 0.35), 3), "words": self.rng.choice([[], ["--full-refresh"]])})

    def two(self) -> None:
        self.add({"do": "two"})

    def edit(self) -> None:
        self.add({"do": "edit", "model": self.rng.choice(self.case["models"])["id"], "cut": self.rng.choice([None, 1, 3, 8])})

    def refresh(self) -> None:
        self.add({"do": "run", "words": ["--full-refresh", "-s", self.rng.choice([self.model(), self.model() + "+"])]})

    def backfill(self) -> None:
        day = datetime.date.fromisoformat(self.case["day"])
        start = day - datetime.timedelta(days=self.rng.randrange(0, 3))
        self.add({"do": "backfill", "start": start.isoformat(), "end": (start + datetime.timedelta(days=self.rng.choice([1, 2]))).isoformat(),
                  "only": "missing" if start.day % 3 == 0 else "all"})

    def upkeep(self) -> None:
        model = self.table()
        self.add({"do": "table", "words": self.rng.choice([["optimize", model], ["vacuum", model, "--retention", "0s", "--force"], ["clean-log", model, "--retention", "0s"],
                                                             ["alter", model, "--set", "windrow.deletionVectors=always"]])})

    def seed(self) -> None:
        self.add({"do": "seed", "names": draw_names(self.rng)})

    def rename(self) -> None:
        model = self.rng.choice(self.case["models"])
        if model["kind"] == "view":
            return  # keeps no table
        had = self.names[model["id"]]
        back = len(had) > 1 and self.rng.random() < 0.3
        to = had[0] if back and had[-1] != had[0] else f"{self.rng.choice(['silver', 'gold'])}.{model['kind'][:3]}{model['id']}_{len(had)}"
        # Its readers recognise one former name: the first time they must.
        self.add({"do": "rename", "model": model["id"], "to": to, "settled": self.settled and len(had) == 1})
        had.append(to)

    def retain(self) -> None:
        self.add({"do": "retain", "day": self.day.isoformat(), "kill": round(self.rng.uniform(0.01, 0.1), 3) if self.rng.random() < 0.2 else 0})
        self.day += datetime.timedelta(days=self.rng.choice([0, 1]))
        held = [m["id"] for m in self.case["models"] if m["kind"] in ("append", "merge", "table") and m["from"] == "bronze.e"]
        if held and self.rng.random() < 0.6:  # what a rebuild would lose
            self.add({"do": "edit", "model": self.rng.choice(held), "cut": self.rng.choice([None, 1, 3, 8])})

    def restore(self) -> None:
        table = self.rng.choice([self.table(), self.table(), "seeds.names"])
        if table == "bronze.e" and self.mode == "prod":
            return
        self.add({"do": "restore", "table": table, "back": self.rng.choice([0, 1, 1, 2, 3, 10])})

    def prod(self) -> None:
        if any(step["do"] == "file" and step["name"] in [s["name"] for s in self.case["steps"][:n] if s["do"] == "file"]
               for n, step in enumerate(self.case["steps"])):
            return  # a rewritten file is another one where only its last form was seen
        self.add({"do": "prod"})

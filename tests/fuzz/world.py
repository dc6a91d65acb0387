"""A project as data, its files, and what its tables must hold: computed from the raw records, as docs/sql.md has it."""
import collections
import datetime
import zoneinfo

import duckdb

UTC = datetime.timezone.utc
UNIX = datetime.datetime(1970, 1, 1, tzinfo=UTC)
EVENTS = ["id", "k", "ts", "v"]  # what most tables have, so that any of them may feed another one
SUB_DAY = {"15m": 15, "hour": 60, "6h": 360}


def local_type(case: dict) -> bool:
    return case["ts"] == "timestamp"


# --- files ---------------------------------------------------------------------------------------------------------

def project_files(case: dict) -> dict[str, str]:
    out = {
        "windrow.yaml": f"project: fuzz\ntimezone: {case['zone']}\nbegin: {case['begin']}\n"
                        "environments:\n  dev: {lake: lake, engine: {memory: 512MB, threads: 2}}\n"
                        "  prod: {lake: lake_prod, engine: {memory: 512MB, threads: 2}}\n"
                        + (f"layers: {{bronze: {{retention: {case['days']}d}}, silver: {{}}, gold: {{}}}}\n" if case.get("days") else ""),
        "sources/e.yaml": "source: bronze.e\nfrom: {files: \"in/*.jsonl\"}\nformat: json\n"
                          f"columns: {{id: bigint, k: bigint, ts: {case['ts']}, v: bigint}}\nretention_column: ts\n",
        "seeds/names.csv": seed_text(case["names"]),
    }
    for model in case["models"]:
        out[model_path(model)] = model_text(case, model)
    return out


def seed_text(names: list) -> str:
    return "k,weight\n" + "".join(f"{k},{weight}\n" for k, weight in names)


def model_path(model: dict) -> str:
    return "models/" + model["name"].replace(".", "/") + ".sql"


def model_text(case: dict, model: dict) -> str:
    kind, header = model["kind"], ""
    if kind == "append":
        header = f"build: append\nnew_rows: {model['from']}"
    elif kind == "merge":
        header = f"build: {{merge: {{key: id, latest_by: {model['latest_by']}}}}}\nnew_rows: {model['from']}"
    elif kind in ("interval", "daily", "lookup", "lookback", "leaves"):
        column = "day" if kind == "daily" else "ts"
        batch = f", batch: {model['batch']}" if model["batch"] else ""
        header = f"build: {{interval: {{column: {column}, grain: {model['grain']}{batch}}}}}"
        if kind == "lookback":
            header += f"\nreads: {{{model['from']}: {{before: {model['hours']}h}}}}"
    elif kind == "table" and model.get("incremental"):
        header = f"incremental: {model['incremental']}"
    elif kind == "scd2":
        header = "build: {scd2: {key: k}}"
    elif kind == "view":
        header = "build: view"
    if model.get("formerly"):
        header += ("\n" if header else "") + f"renamed_from: {model['formerly']}"
    return (f"/* windrow\n{header}\n*/\n" if header else "") + select(model) + "\n"


def select(model: dict) -> str:
    """The SELECT as the project has it, with $start and $end."""
    source, cut = model["from"], model.get("cut")
    only = "" if cut is None else f" AND e.v > {cut}"
    where = "" if cut is None else f" WHERE e.v > {cut}"
    within = "e.ts >= $start AND e.ts < $end"
    return {
        "append": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e{where}",
        "merge": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e{where}",
        "view": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e{where}",
        "interval": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e WHERE {within}{only}",
        "daily": f"SELECT date_trunc('day', e.ts) AS day, e.k, count(*) AS n, sum(e.v) AS total FROM {source} e "
                 f"WHERE {within}{only} GROUP BY ALL",
        "lookup": f"SELECT e.id, e.k, e.ts, e.v + coalesce(n.weight, 0) AS v FROM {source} e "
                  f"LEFT JOIN seeds.names n ON n.k = e.k WHERE {within}{only}",
        "lookback": f"SELECT e.id, e.k, e.ts, count(b.id) AS v FROM {source} e LEFT JOIN {source} b ON b.k = e.k "
                    f"AND b.ts > e.ts - INTERVAL {model.get('hours')} HOUR AND b.ts <= e.ts WHERE {within}{only} GROUP BY ALL",
        "leaves": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e WHERE {within}{only} "
                  f"AND NOT EXISTS (SELECT 1 FROM {model.get('other')} p WHERE p.v = e.id)",
        "table": table(model.get("shape", "groups"), source, only, where),
        "scd2": f"SELECT e.k, count(*) AS n, sum(e.v) AS total FROM {source} e WHERE e.k IS NOT NULL{only} GROUP BY e.k",
    }[model["kind"]]


def table(shape: str, source: str, only: str, where: str) -> str:
    """What is maintained by each rule of incremental builds, and what is not."""
    return {
        "groups": f"SELECT e.k, count(*) AS n, sum(e.v) AS total, max(e.ts) AS last FROM {source} e{where} GROUP BY e.k",
        "rows": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e{where}",
        "join": f"SELECT e.id, e.k, e.ts, e.v + n.weight AS v FROM {source} e JOIN seeds.names n ON n.k = e.k{where}",
        "outer": f"SELECT n.k, n.weight, count(e.id) AS n, sum(e.v) AS total FROM seeds.names n LEFT JOIN {source} e ON e.k = n.k{only} GROUP BY ALL",
        "window": f"SELECT e.id, e.k, e.v, rank() OVER (PARTITION BY e.k ORDER BY e.v DESC) AS place FROM {source} e{where} QUALIFY place <= 3",
        "distinct": f"SELECT DISTINCT e.k, e.v FROM {source} e{where}",
        "union": f"SELECT e.id, e.k, e.ts, e.v FROM {source} e{where} UNION ALL SELECT e.id, e.k, e.ts, -e.v FROM {source} e WHERE e.v > 5",
        "exists": f"SELECT e.k, count(*) AS n FROM {source} e WHERE EXISTS (SELECT 1 FROM {source} p WHERE p.v = e.id){only} GROUP BY e.k",
        "self": f"WITH w AS (SELECT e.id, e.k, e.v FROM {source} e{where}) SELECT a.id, b.id AS other, a.v FROM w a JOIN w b ON b.k = a.k AND b.v = a.v",
        "average": f"SELECT e.k, avg(e.v) AS mean, count(DISTINCT e.id) AS ids, list(e.v ORDER BY e.v)[1] AS least FROM {source} e{where} GROUP BY 1 "
                   f"HAVING count(*) > 1",
        "sums": f"SELECT e.k, count(*) AS n, sum(e.v) AS total, count(e.v) AS filled FROM {source} e{where} GROUP BY e.k HAVING count(*) > 1",
        "around": f"WITH w AS (SELECT e.k, sum(e.v) AS total FROM {source} e{where} GROUP BY e.k) "
                  f"SELECT w.k, w.total, n.weight FROM w LEFT JOIN seeds.names n ON n.k = w.k WHERE w.total >= (SELECT max(total) - 20 FROM w)",
        "means": f"SELECT e.k, avg(e.v) AS mean, bool_or(e.v > 5) AS high, bool_and(e.id IS NOT NULL) AS named FROM {source} e{where} GROUP BY e.k",
        "distincts": f"SELECT e.k, count(DISTINCT e.v) AS kinds, count(*) AS n, sum(e.v) AS total FROM {source} e{where} GROUP BY e.k",
        "ranks": f"WITH w AS (SELECT e.k, count(*) AS n, count(DISTINCT e.id) AS ids FROM {source} e{where} GROUP BY e.k) "
                 f"SELECT *, row_number() OVER (ORDER BY n DESC, k) AS place FROM w QUALIFY place <= 3",
        "asked": f"SELECT n.k, n.weight, (SELECT count(*) FROM {source} e WHERE e.k = n.k{only}) AS events FROM seeds.names n "
                 f"WHERE n.weight >= (SELECT coalesce(avg(e.v), 0) - 5 FROM {source} e WHERE e.k = n.k)",
        "inside": f"SELECT weight, count(*) AS names, sum(k) AS keys FROM (SELECT n.k, n.weight % 3 AS weight FROM seeds.names n "
                  f"WHERE NOT EXISTS (SELECT 1 FROM {source} e WHERE e.k = n.k{only})) x GROUP BY weight",
        "latest": f"SELECT e.id, e.k, e.v FROM {source} e WHERE e.v >= (SELECT max(p.v) - 10 FROM {source} p){only}",
        "recent": f"SELECT e.k, count(*) AS n, count(DISTINCT e.id) AS ids FROM (SELECT * FROM {source} WHERE ts >= "
                  f"(SELECT max(p.ts) - INTERVAL 1 DAY FROM {source} p)) e{where} GROUP BY e.k",
        "one": f"SELECT count(*) AS n, sum(e.v) AS total FROM {source} e{where}",
        "top": f"SELECT e.id, e.v FROM {source} e{where} ORDER BY e.v DESC NULLS LAST, e.id, e.ts LIMIT 5",
    }[shape]


# --- intervals -----------------------------------------------------------------------------------------------------

def interval_of(case: dict, grain: str, at: datetime.datetime):
    """The interval that holds `at` (aware: a moment; naive: what a clock of the project shows), as two naive times where the grain is a day or
    longer or the zone is UTC, else as two moments."""
    zone = zoneinfo.ZoneInfo(case["zone"])
    if grain not in SUB_DAY:
        day = (at.astimezone(zone) if at.tzinfo else at).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        if grain == "week":
            day -= datetime.timedelta(days=day.weekday())
            return day, day + datetime.timedelta(days=7)
        if grain == "month":
            day = day.replace(day=1)
            return day, (day + datetime.timedelta(days=32)).replace(day=1)
        return day, day + datetime.timedelta(days=1)
    length = datetime.timedelta(minutes=SUB_DAY[grain])
    moment = at if at.tzinfo else moment_of(at, zone)
    local = moment.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    wall = midnight + (local - midnight) // length * length
    if case["zone"] == "UTC":
        return wall, wall + length
    start = end = wall
    while (first := boundary(start, zone)) is None or first > moment:
        start -= length
    while (last := boundary(end, zone)) is None or last <= moment:
        end += length
    return first, last


def readings(local: datetime.datetime, zone: zoneinfo.ZoneInfo) -> list:
    """The moments that a time on the clocks may be: two of one that comes twice (the first of them first), and of a missing one (the other way
    round)."""
    return [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]


def moment_of(local: datetime.datetime, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """docs/sql.md, "When clocks change": a time that comes twice is the later of the two; a missing one is moved on."""
    return max(readings(local, zone))


def boundary(local: datetime.datetime, zone: zoneinfo.ZoneInfo) -> datetime.datetime | None:
    """docs/sql.md, "When clocks change": the moment at which an interval begins by this time on the clocks. None inside of what comes twice, and
    inside of as much time after the clocks went forward as is missing."""
    minute = datetime.timedelta(minutes=1)
    first, second = readings(local, zone)
    if first < second:
        before = readings(local - minute, zone)
        return None if before[0] < before[1] else first
    if first > second:  # missing: where the clocks went forward
        while (before := readings(local - minute, zone))[0] > before[1]:
            local -= minute
        return readings(local, zone)[0]
    for missing in (datetime.timedelta(minutes=30), datetime.timedelta(hours=1)):
        moved, of = readings(local - missing, zone)
        before = readings(local - missing - minute, zone)
        if moved - of == missing and before[0] > before[1]:
            return None
    return first


def literal(time: datetime.datetime) -> str:
    if time.tzinfo:
        return f"TIMESTAMPTZ '{time.astimezone(UTC).isoformat(sep=' ')}'"
    return f"TIMESTAMP '{time.isoformat(sep=' ')}'"


# --- retention -----------------------------------------------------------------------------------------------------

RAW = "bronze.e"
WHOLE = ("append", "merge", "table")  # what a rebuild would take rows from


def by_name(case: dict) -> dict[str, dict]:
    return {model["name"]: model for model in case["models"]}


def reads_raw(case: dict, name: str) -> bool:
    """The raw table, or a view over it: what retention takes is gone from there."""
    view = by_name(case).get(name)
    return name == RAW or (view is not None and view["kind"] == "view" and reads_raw(case, view["from"]))


def definition(case: dict, model: dict) -> list:
    """What changes a model's meaning: its own text, and that of the views that it reads."""
    views = [by_name(case).get(name) for name in (model["from"], model.get("other"))]
    return [model["cut"], *(definition(case, view) for view in views if view is not None and view["kind"] == "view")]


def midnight(case: dict, day: str) -> datetime.datetime:
    return moment_of(datetime.datetime.fromisoformat(day), zoneinfo.ZoneInfo(case["zone"]))


def kept(case: dict, rows: list, day: str) -> list:
    """docs/maintenance.md, "Retention": whole days of the project's zone; rows without a time stay."""
    def stays(time: str | None) -> bool:
        at = datetime.datetime.fromisoformat(time) if time else None
        return at is None or (at >= midnight(case, day) if at.tzinfo else at >= datetime.datetime.fromisoformat(day))
    return [row for row in rows if stays(row[2])]


def sealed(case: dict, model: dict, start, day: str) -> bool | None:
    """docs/sql.md, "Sealed": its input reaches beyond the retention. None: within a day of that, which the documents leave open."""
    at = (start if start.tzinfo else moment_of(start, zoneinfo.ZoneInfo(case["zone"]))) - datetime.timedelta(hours=model.get("hours", 0))
    slack, first = datetime.timedelta(hours=2), midnight(case, day)
    return True if at + slack < first else False if at - slack >= first + datetime.timedelta(days=1) else None


class Kept:
    """What tables held when everything was up to date the last time: retention has taken rows that nothing brings back."""

    def __init__(self, day: str):
        self.day = day  # rows are kept from its midnight on
        self.tables: dict[int, list] = {}
        self.definitions: dict[int, list] = {}
        self.raw_rows = 0  # so many are in `tables`
        self.edited: set[int] = set()
        self.edited_late: set[int] = set()  # after rows that came since
        self.refreshed = False
        self.rebuilt: set[int] = set()  # by --rebuild-sealed
        self.accepted: set[int] = set()
        self.taken: dict[int, int] = collections.defaultdict(int)  # rows of inputs, since it was built whole

    def settle(self, case: dict, tables: dict[int, list], raw_rows: int) -> None:
        for model in case["models"]:
            fresh = model["kind"] == "table" and raw_rows > self.raw_rows
            if model["id"] in self.rebuilt or fresh:
                self.taken[model["id"]] = 0
        self.tables, self.raw_rows = tables, raw_rows
        self.definitions = {m["id"]: definition(case, m) for m in case["models"]}
        self.edited, self.edited_late, self.refreshed, self.rebuilt, self.accepted = set(), set(), False, set(), set()

    def changed(self, case: dict, model: dict) -> bool:
        return model["id"] in self.definitions and self.definitions[model["id"]] != definition(case, model)

    def must_refuse(self, case: dict, model: dict, raw_rows: int) -> bool:
        """docs/sql.md, "Rows that cannot come again"."""
        return (model["kind"] in WHOLE and reads_raw(case, model["from"]) and self.changed(case, model) and self.taken[model["id"]] > 0
                and (model["kind"] != "table" or raw_rows == self.raw_rows))


# --- what tables must hold -----------------------------------------------------------------------------------------

class Oracle:
    """Tables of one state of the raw records: `rows` in the order in which they came. Where retention has taken some, `then` says what was
    there, and `seen` what is there now, which decides where the documents leave both open."""

    def __init__(self, case: dict, rows: list, then: Kept | None = None, seen=None):
        self.case, self.then, self.seen = case, then, seen
        self.fresh = len(rows) > then.raw_rows if then else False
        self.db = duckdb.connect()
        self.db.execute(f"SET TimeZone = '{case['zone']}'; CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold; CREATE SCHEMA seeds")
        self.db.execute(f"CREATE TABLE bronze.e (id BIGINT, k BIGINT, ts {case['ts']}, v BIGINT)")
        if rows:
            self.db.executemany("INSERT INTO bronze.e VALUES (?, ?, ?, ?)", rows)
        if then:
            self.db.execute("CREATE SCHEMA fresh; CREATE TABLE fresh.e AS FROM bronze.e LIMIT 0")
            if self.fresh:
                self.db.executemany("INSERT INTO fresh.e VALUES (?, ?, ?, ?)", rows[then.raw_rows:])
        self.db.execute("CREATE TABLE seeds.names (k BIGINT, weight BIGINT)")
        if case["names"]:
            self.db.executemany("INSERT INTO seeds.names VALUES (?, ?)", case["names"])
        for model in case["models"]:
            self.make(model)
            inputs = (model["from"], model.get("other", ""))
            if then and model["kind"] != "view" and model["id"] in then.tables and any(reads_raw(case, name) for name in inputs):
                self.keep(model)

    def make(self, model: dict) -> None:
        name, sql = model["name"], select(model)
        if model["kind"] == "view":
            self.db.execute(f"CREATE VIEW {name} AS {sql}")
        elif model["kind"] == "merge":
            self.db.execute(f"CREATE TABLE {name} AS SELECT * FROM ({sql}) QUALIFY row_number() OVER (PARTITION BY id ORDER BY {latest(model)}) = 1")
        elif "$start" in sql:
            self.db.execute(f"CREATE TABLE {name} AS FROM ({self.bound(sql, *self.some_interval(model))}) LIMIT 0")
            for start, end in self.intervals(model):
                self.db.execute(f"INSERT INTO {name} {self.bound(sql, start, end)}")
        else:
            self.db.execute(f"CREATE TABLE {name} AS {sql}")

    def keep(self, model: dict) -> None:
        """Puts back into a table, which is what a full build would give now, what was built from rows that are gone."""
        name, kind, then = model["name"], model["kind"], self.then
        changed = then.changed(self.case, model) and model["id"] not in then.accepted
        if kind in WHOLE and (changed or model["id"] in then.rebuilt):
            return
        if kind in ("append", "merge"):
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE came AS {select(model | {'from': 'fresh.e'})}; DELETE FROM {name}")
            self.put(model, then.tables[model["id"]])
            self.db.execute(f"INSERT INTO {name} FROM came")
            if kind == "merge":
                self.db.execute(f"CREATE OR REPLACE TEMP TABLE all_rows AS FROM {name}; DELETE FROM {name}; INSERT INTO {name} FROM all_rows "
                                f"QUALIFY row_number() OVER (PARTITION BY id ORDER BY {latest(model)}) = 1")
            return
        now = self.rows(model)
        if kind in ("table", "scd2"):
            if changed or self.fresh:
                return
            either = kind == "scd2" and (then.refreshed or then.edited)
            rows = self.chosen(then.tables[model["id"]], now, lambda row: 0, lambda at: None if either else True, model)
        else:
            at = 0 if kind == "daily" else 2
            by_interval = reads_raw(self.case, model["from"])
            whole = reads_raw(self.case, model.get("other", ""))

            def old(start) -> bool | None:
                if not by_interval:
                    return None
                is_sealed = sealed(self.case, model, start, then.day)
                return None if is_sealed is False and whole and not self.fresh else is_sealed
            rows = self.chosen(then.tables[model["id"]], now, lambda row: interval_of(self.case, model["grain"], row[at])[0], old, model)
        self.db.execute(f"DELETE FROM {name}")
        self.put(model, rows)

    def chosen(self, then: list, now: list, group, old, model: dict) -> list:
        """Of each group the rows of then (`old` says True) or of now (False), or those of the two that are there (None)."""
        def grouped(rows: list) -> dict:
            out = collections.defaultdict(list)
            for row in rows:
                out[group(row)].append(list(row))
            return out
        then_by, now_by = grouped(then), grouped(now)
        seen_by = None
        out = []
        for key in {*then_by, *now_by}:
            pick = old(key)
            if pick is None:
                seen_by = grouped(self.seen(model)) if seen_by is None else seen_by
                pick = collections.Counter(map(tuple, seen_by[key])) == collections.Counter(map(tuple, then_by[key]))
            out += then_by[key] if pick else now_by[key]
        return out

    def put(self, model: dict, rows: list) -> None:
        text = [[v.isoformat() if isinstance(v, datetime.datetime) else v for v in row] for row in rows]
        if text:
            self.db.executemany(f"INSERT INTO {model['name']} VALUES ({', '.join('?' * len(text[0]))})", text)

    @staticmethod
    def bound(sql: str, start, end) -> str:
        return sql.replace("$start", literal(start)).replace("$end", literal(end))

    def some_interval(self, model: dict):
        return interval_of(self.case, model["grain"], datetime.datetime(2020, 1, 1, tzinfo=UTC))

    def intervals(self, model: dict) -> list:
        """Those with rows of the input in them: for all others the SELECTs yield nothing."""
        begin = datetime.datetime.fromisoformat(self.case["begin"])
        zone, found = zoneinfo.ZoneInfo(self.case["zone"]), set()
        for (at,) in self.fetch(f"SELECT DISTINCT ts FROM {model['from']} WHERE ts IS NOT NULL"):
            found.add(interval_of(self.case, model["grain"], at))
        out = []
        for start, end in sorted(found):
            first = begin if start.tzinfo is None else begin.replace(tzinfo=zone)
            # `begin` is the least time of which there are intervals: one that it cuts begins with it.
            if end > first:
                out.append((start, end))
        return out

    def rows(self, model: dict) -> list:
        return self.fetch(f"FROM {model['name']}")

    def fetch(self, sql: str) -> list:
        """Moments by their number: DuckDB for Python would ask for one more package."""
        columns = self.db.execute(f"DESCRIBE {sql}").fetchall()
        moments = [n for n, column in enumerate(columns) if column[1] == "TIMESTAMP WITH TIME ZONE"]
        chosen = ", ".join(f"epoch_us({c[0]})" if n in moments else c[0] for n, c in enumerate(columns))
        out = []
        for row in self.db.execute(f"SELECT {chosen} FROM ({sql})").fetchall():
            out.append([UNIX + datetime.timedelta(microseconds=v) if n in moments and v is not None else v for n, v in enumerate(row)])
        return out


def latest(model: dict) -> str:
    """docs/sql.md, merge: the greatest `latest_by`, NULL last; of several the row that comes first when all columns are ordered, ascending, NULL last."""
    return f"{model['latest_by']} DESC NULLS LAST, " + ", ".join(f"{c} ASC NULLS LAST" for c in EVENTS)

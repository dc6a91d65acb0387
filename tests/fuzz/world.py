"""A project as data, its files, and what its tables must hold: computed from the raw records, as docs/sql.md has it."""
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
                        "  prod: {lake: lake_prod, engine: {memory: 512MB, threads: 2}}\n",
        "sources/e.yaml": "source: bronze.e\nfrom: {files: \"in/*.jsonl\"}\nformat: json\n"
                          f"columns: {{id: bigint, k: bigint, ts: {case['ts']}, v: bigint}}\n",
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
        header = f"build: {{interval: {{column: {column}, grain: {model['grain']}, batch: {model['batch']}}}}}"
        if kind == "lookback":
            header += f"\nreads: {{{model['from']}: {{before: {model['hours']}h}}}}"
    elif kind == "scd2":
        header = "build: {scd2: {key: k}}"
    elif kind == "view":
        header = "build: view"
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
        "table": f"SELECT e.k, count(*) AS n, sum(e.v) AS total, max(e.ts) AS last FROM {source} e{where} GROUP BY e.k",
        "scd2": f"SELECT e.k, count(*) AS n, sum(e.v) AS total FROM {source} e WHERE e.k IS NOT NULL{only} GROUP BY e.k",
    }[model["kind"]]


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


# --- what tables must hold -----------------------------------------------------------------------------------------

class Oracle:
    """Tables of one state of the raw records: `rows` in the order in which they came."""

    def __init__(self, case: dict, rows: list):
        self.case = case
        self.db = duckdb.connect()
        self.db.execute(f"SET TimeZone = '{case['zone']}'; CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold; CREATE SCHEMA seeds")
        self.db.execute(f"CREATE TABLE bronze.e (id BIGINT, k BIGINT, ts {case['ts']}, v BIGINT)")
        if rows:
            self.db.executemany("INSERT INTO bronze.e VALUES (?, ?, ?, ?)", rows)
        self.db.execute("CREATE TABLE seeds.names (k BIGINT, weight BIGINT)")
        if case["names"]:
            self.db.executemany("INSERT INTO seeds.names VALUES (?, ?)", case["names"])
        for model in case["models"]:
            self.make(model)

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

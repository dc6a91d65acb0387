"""Spark, delta-rs and we change the same tables strictly in turn, at random; after each turn every program that can read
the table reads what a model of it in DuckDB holds. The seed is in every failure; WINDROW_TEST_SEED gives another one and
WINDROW_TEST_TURNS a longer walk."""
import dataclasses
import json
import os
import pathlib
import random
import subprocess

import deltalake
import duckdb
import polars
import pytest

import lab
import spark_lab
from spark_lab import latest, table

COLUMNS = "id, p, v, n, d, ts"
TYPES = "id BIGINT, p STRING, v STRING, n BIGINT, d DECIMAL(10, 2), ts TIMESTAMP"
TEXTS = [None, "", "é🙂", "it's", "plain", "100 % \"x\"\\"]
# No letters beyond ASCII: delta-rs removes a file of Spark's under another spelling of its path (%C3%A9 for é), so that
# Spark goes on reading it.
PARTITIONS = [None, "a b/=%", "plain", "NULL"]


@dataclasses.dataclass
class Kind:
    """A kind of table, and who can write and read it."""
    properties: str
    partitioned: bool = False
    writers: tuple = ("spark", "delta-rs", "windrow")
    readers: tuple = ("spark", "delta-rs", "windrow", "extension")
    vacuum: bool = True


KINDS = {
    "plain": Kind("'delta.checkpointInterval' = '4'"),
    "partitions and change data": Kind("'delta.enableChangeDataFeed' = 'true', 'delta.checkpointInterval' = '5'", True, vacuum=False),
    # `always`: so that we write vectors to such small files too.
    "deletion vectors": Kind("'delta.enableDeletionVectors' = 'true', 'windrow.deletionVectors' = 'always', "
                             "'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '4'"),
    "vectors and change data": Kind("'delta.enableDeletionVectors' = 'true', 'windrow.deletionVectors' = 'always', "
                                    "'delta.enableChangeDataFeed' = 'true'", True, writers=("spark", "windrow"), vacuum=False),
    "mapped columns": Kind("'delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true', "
                           "'windrow.deletionVectors' = 'always', 'delta.checkpointInterval' = '4'", True,
                           # DuckDB's extension reads NULL for partition values of mapped columns.
                           readers=("spark", "delta-rs", "windrow")),
}


def program(*words) -> dict:
    result = subprocess.run([lab.PROGRAM, "table", *map(str, words), "--json"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, f"windrow table {words}: {result.stdout} {result.stderr}"
    return json.loads(result.stdout)


class Walk:
    def __init__(self, spark, folder: pathlib.Path, kind: Kind, seed: int):
        self.spark, self.folder, self.kind, self.random = spark, folder, kind, random.Random(seed)
        self.path, self.source, self.next_id = folder / "t", folder / "source.parquet", 0
        self.name = table(self.path)
        self.model = duckdb.connect()
        self.model.execute("SET TimeZone = 'UTC'")
        self.model.execute(f"CREATE TABLE model({TYPES.replace('TIMESTAMP', 'TIMESTAMPTZ')})")
        self.then: dict[int, str] = {}  # versions that can still be read, and the model as it was
        how = "PARTITIONED BY (p)" if kind.partitioned else ""
        spark.sql(f"CREATE TABLE {self.name} ({TYPES}) USING delta {how} TBLPROPERTIES ({kind.properties})")

    # --- what is done, by whom ------------------------------------------------------------------------------------

    def rows(self, ids) -> None:
        """The file of rows for an append or a merge."""
        pick = self.random.choice
        self.model.execute(f"CREATE OR REPLACE TABLE source({TYPES.replace('TIMESTAMP', 'TIMESTAMPTZ')})")
        rows = [(i, pick(PARTITIONS), pick(TEXTS), pick([None, *range(-3, 9)]), pick([None, "0.10", "-99999999.99", "7"]),
                 pick([None, f"2024-02-{1 + i % 29:02} 23:59:59.{i % 1000000:06}+00"])) for i in ids]
        self.model.executemany("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.model.execute(f"COPY source TO '{self.source}' (FORMAT parquet)")

    def fresh(self, count: int) -> list[int]:
        self.next_id += count
        return list(range(self.next_id - count, self.next_id))

    def predicate(self) -> str:
        r = self.random.randrange
        begin = r(max(self.next_id, 1))
        return self.random.choice([f"id % {3 + r(5)} = {r(3)}", f"n > {r(8)}", "v IS NULL AND n > 2", f"p = 'plain' AND id > {begin}",
                                   f"id BETWEEN {begin} AND {begin + 8}", "p IS NULL AND n < 3", "v = 'it''s'", "p = 'NULL'", "id < 0"])

    def for_spark(self, sql: str) -> str:
        return sql.replace("''", "\\'")

    def append(self, who):
        self.rows(self.fresh(self.random.randrange(1, 30)))
        self.model.execute("INSERT INTO model FROM source")
        if who == "spark":
            self.spark.sql(f"INSERT INTO {self.name} SELECT {COLUMNS} FROM parquet.`{self.source}`")
        elif who == "delta-rs":
            deltalake.write_deltalake(str(self.path), duckdb.sql(f"FROM read_parquet('{self.source}')").to_arrow_table(), mode="append")
        else:
            program("write", self.path, f"FROM read_parquet('{self.source}')")

    def delete(self, who):
        where = self.predicate()
        self.model.execute(f"DELETE FROM model WHERE {where}")
        if who == "spark":
            self.spark.sql(f"DELETE FROM {self.name} WHERE {self.for_spark(where)}")
        elif who == "delta-rs":
            deltalake.DeltaTable(str(self.path)).delete(where)
        else:
            program("delete", self.path, "--where", where)
        return where

    def update(self, who):
        where = self.predicate()
        column, value = self.random.choice([("v", "'u é'"), ("n", "n + 1"), ("p", "'plain'"), ("v", "NULL"), ("p", "'NULL'")])
        self.model.execute(f"UPDATE model SET {column} = {value} WHERE {where}")
        if who == "spark":
            self.spark.sql(f"UPDATE {self.name} SET {column} = {value} WHERE {self.for_spark(where)}")
        elif who == "delta-rs":
            deltalake.DeltaTable(str(self.path)).update(predicate=where, updates={column: value})
        else:
            program("update", self.path, "--set", f"{column} = {value}", "--where", where)
        return f"{column} = {value} where {where}"

    def merge(self, who):
        known = [row[0] for row in self.model.execute("SELECT id FROM model ORDER BY id").fetchall()]
        self.rows(self.random.sample(known, min(len(known), self.random.randrange(12))) + self.fresh(self.random.randrange(1, 6)))
        remove = self.random.random() < 0.5
        set_all = ", ".join(f"{c} = s.{c}" for c in COLUMNS.split(", "))
        values = ", ".join(f"s.{c}" for c in COLUMNS.split(", "))
        clauses = ("WHEN MATCHED AND s.n > 3 THEN DELETE " if remove else "") + \
            f"WHEN MATCHED THEN UPDATE SET {set_all} WHEN NOT MATCHED THEN INSERT ({COLUMNS}) VALUES ({values})"
        self.model.execute(f"MERGE INTO model t USING source s ON t.id = s.id {clauses}")
        if who == "spark":
            self.spark.sql(f"MERGE INTO {self.name} t USING parquet.`{self.source}` s ON t.id = s.id {clauses}")
        elif who == "delta-rs":
            merge = deltalake.DeltaTable(str(self.path)).merge(
                duckdb.sql(f"FROM read_parquet('{self.source}')").to_arrow_table(), "t.id = s.id", source_alias="s", target_alias="t")
            if remove:
                merge = merge.when_matched_delete("s.n > 3")
            merge.when_matched_update_all().when_not_matched_insert_all().execute()
        else:
            whens = (["--when", "matched if s.n > 3: delete"] if remove else []) + \
                ["--when", "matched: update", "--when", "not-matched: insert"]
            program("merge", self.path, f"FROM read_parquet('{self.source}')", "--on", "t.id = s.id", *whens)

    def optimize(self, who):
        order = self.random.choice([None, "id", "n"])
        if who == "spark":
            self.spark.sql(f"OPTIMIZE {self.name}" + (f" ZORDER BY ({order})" if order else ""))
        elif who == "delta-rs":
            optimize = deltalake.DeltaTable(str(self.path)).optimize
            optimize.z_order([order]) if order else optimize.compact()
        else:
            program("optimize", self.path, *(["--zorder", order] if order else []))
        return order

    def vacuum(self, who):
        if who == "spark":
            self.spark.sql(f"VACUUM {self.name} RETAIN 0 HOURS")
        elif who == "delta-rs":
            deltalake.DeltaTable(str(self.path)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        else:
            program("vacuum", self.path, "--retention", "0s", "--force")
        self.then.clear()

    def restore(self, who):
        if len(self.then) < 2:
            return None
        # delta-rs refuses to restore the version that is there.
        version = self.random.choice([v for v in sorted(self.then) if who != "delta-rs" or v < latest(self.path)])
        if who == "spark":
            self.spark.sql(f"RESTORE TABLE {self.name} TO VERSION AS OF {version}")
        elif who == "delta-rs":
            deltalake.DeltaTable(str(self.path)).restore(version)
        else:
            program("restore", self.path, "--version", version)
        self.model.execute(f"CREATE OR REPLACE TABLE model AS FROM {self.then[version]}")
        return version

    def checkpoint(self, who):
        if who == "delta-rs":
            deltalake.DeltaTable(str(self.path)).create_checkpoint()
        return None

    def turn(self, number: int) -> str:
        who = self.kind.writers[number % len(self.kind.writers)] if self.random.random() < 0.7 else self.random.choice(self.kind.writers)
        verbs = ["append"] * 4 + ["delete"] * 3 + ["update"] * 2 + ["merge"] * 3 + ["optimize", "restore", "checkpoint"] + \
            (["vacuum"] if self.kind.vacuum else [])
        verb = "append" if number == 0 else self.random.choice(verbs)
        what = f"turn {number}: {who} {verb}"
        try:
            return f"{what} {getattr(self, verb)(who)}"
        except deltalake.exceptions.DeltaError as error:
            if verb == "optimize" and "Column mapping is not supported" in str(error):
                return f"{what}: refused"
            raise AssertionError(f"{what}: {error}") from error
        except Exception as error:
            raise AssertionError(f"{what}: {error}") from error

    # --- what is read, by whom ------------------------------------------------------------------------------------

    def read(self, who: str, connection, version=None) -> str:
        """What may stand behind FROM in DuckDB."""
        if who == "spark":
            return f"read_parquet('{self.spark.read(self.path, version)}')"
        if who == "windrow":
            return f"read_parquet('{spark_lab.windrow_rows(self.path, version)}')"
        if who == "extension":
            return f"delta_scan('{self.path}'" + ("" if version is None else f", version => {version}") + ")"
        if who == "polars":
            connection.register("theirs", polars.scan_delta(str(self.path), version=version).collect().to_arrow())
            return "theirs"
        theirs = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(str(self.path), version=version)).execute("SELECT * FROM t")
        connection.register("theirs", theirs.read_all())
        return "theirs"

    def check(self, what: str, version=None, model="model") -> None:
        expected = self.folder / "model.parquet"
        self.model.execute(f"COPY {model} TO '{expected}' (FORMAT parquet)")
        for reader in self.kind.readers:
            with lab.delta_extension() as c:
                c.execute("SET TimeZone = 'UTC'")
                c.execute(f"CREATE TEMP VIEW ours AS SELECT {COLUMNS} FROM {self.read(reader, c, version)}")
                c.execute(f"CREATE TEMP VIEW expected AS FROM read_parquet('{expected}')")
                wrong = {name: c.execute(f"SELECT COLUMNS(*)::VARCHAR FROM (FROM {a} EXCEPT ALL FROM {b} LIMIT 5)").fetchall()
                         for name, a, b in (("too many", "ours", "expected"), ("missing", "expected", "ours"))}
                if any(wrong.values()):
                    raise AssertionError(f"{reader} reads version {version} after {what}: {wrong}")

    def remember(self) -> None:
        version = latest(self.path)
        if version not in self.then:
            self.model.execute(f"CREATE OR REPLACE TABLE model_{version} AS FROM model")
            self.then[version] = f"model_{version}"


@pytest.mark.parametrize("kind", KINDS)
def test_in_turn(spark, tmp_path, kind):
    seed = int(os.environ.get("WINDROW_TEST_SEED", 20261))
    walk = Walk(spark, tmp_path, KINDS[kind], seed)
    told = []
    try:
        for number in range(int(os.environ.get("WINDROW_TEST_TURNS", 12))):
            told.append(walk.turn(number))
            walk.check(told[-1])
            walk.remember()
        past = walk.random.choice(sorted(walk.then))
        walk.check("all turns", past, walk.then[past])
    except Exception as error:
        raise AssertionError("\n".join([f"WINDROW_TEST_SEED={seed}", *told, str(error)])) from error

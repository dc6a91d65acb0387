"""Tables that Spark makes with every feature of Delta: we read the same rows as Spark does, at every version."""
import json
import pathlib
import subprocess

import duckdb
import pytest

import lab
import spark_lab
from spark_lab import agree, latest, same_rows, table, windrow_rows


def make(spark, path, columns, *statements, how="", properties=""):
    """Makes a table and changes it; {t} stands for it."""
    t = table(path)
    listed = f"TBLPROPERTIES ({properties})" if properties else ""
    spark.sql(f"CREATE TABLE {t} ({columns}) USING delta {how} {listed}", *(s.replace("{t}", t) for s in statements))
    return path


def log(path, version):
    text = (pathlib.Path(path) / "_delta_log" / f"{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def actions(path, kind):
    return [action[kind] for version in range(latest(path) + 1) for action in log(path, version) if kind in action]


def test_deletion_vectors(spark, tmp_path):
    path = make(
        spark, tmp_path / "vectors é", "id BIGINT, v STRING, n DOUBLE",
        "INSERT INTO {t} SELECT id, concat('v', id % 977), id / 7 FROM range(0, 200000, 1, 1)",
        "INSERT INTO {t} SELECT id, NULL, id FROM range(200000, 201000, 1, 5)",
        "DELETE FROM {t} WHERE id % 3 = 0",  # more rows than a 16-bit container of a bitmap holds
        "DELETE FROM {t} WHERE id % 5 = 1 AND id < 150000",
        "DELETE FROM {t} WHERE id BETWEEN 70000 AND 140000",
        "DELETE FROM {t} WHERE id = 200017",
        "UPDATE {t} SET v = 'changed' WHERE id % 1009 = 7",
        "MERGE INTO {t} USING (SELECT id * 2 AS id FROM range(99990, 100010)) s ON {t}.id = s.id "
        "WHEN MATCHED THEN UPDATE SET v = 'merged' WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'new')",
        properties="'delta.enableDeletionVectors' = 'true'")
    vectors = [add["deletionVector"] for add in actions(path, "add") if add.get("deletionVector")]
    assert max(vector["cardinality"] for vector in vectors) > 1 << 16
    agree(spark, path)
    cloned = subprocess.run([lab.PROGRAM, "table", "clone", path, tmp_path / "a clone"], capture_output=True, text=True)
    assert cloned.returncode == 0, cloned.stderr
    agree(spark, tmp_path / "a clone")
    spark.sql(f"OPTIMIZE {table(path)}", f"REORG TABLE {table(path)} APPLY (PURGE)")
    agree(spark, path, [])


def test_deletion_vectors_in_partitions_with_mapped_columns(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "id BIGINT, `p 1` STRING, s STRUCT<a: INT, `b.c`: STRING>",
        "INSERT INTO {t} SELECT id, concat('p=', id % 3, '/%'), struct(id, concat('x', id)) FROM range(0, 3000, 1, 3)",
        "DELETE FROM {t} WHERE id % 4 = 0",
        "ALTER TABLE {t} RENAME COLUMN `p 1` TO p2",
        "ALTER TABLE {t} RENAME COLUMN s.`b.c` TO d",
        "DELETE FROM {t} WHERE s.d = 'x7' OR id > 2990",
        "UPDATE {t} SET p2 = NULL WHERE id % 100 = 1",
        how="PARTITIONED BY (`p 1`)",
        properties="'delta.enableDeletionVectors' = 'true', 'delta.columnMapping.mode' = 'name'")
    agree(spark, path)


@pytest.mark.parametrize("mode", ["name", "id"])
def test_column_mapping(spark, tmp_path, mode):
    path = make(
        spark, tmp_path / "t",
        "id BIGINT, `a.b c` STRING, \"quoted\" INT".replace('"quoted"', '`"q"`') +
        ", s STRUCT<x: INT, y: STRUCT<z: STRING, `w,;{}()=`: DATE>>, l ARRAY<STRUCT<e: INT, f: STRING>>,"
        " m MAP<STRING, STRUCT<k: INT, v: ARRAY<STRUCT<deep: INT>>>>, gone INT",
        "INSERT INTO {t} VALUES (1, 'one', 11, struct(1, struct('z', DATE'2020-02-29')), array(struct(1, 'f'), NULL),"
        " map('k', struct(1, array(struct(5), NULL))), 7), (2, NULL, NULL, NULL, NULL, NULL, NULL),"
        " (3, '', 0, struct(NULL, NULL), array(), map(), 8), (4, 'n', 1, struct(1, struct(NULL, NULL)), array(struct(NULL, NULL)),"
        " map('', struct(NULL, NULL), 'n', NULL), 9)",
        "ALTER TABLE {t} RENAME COLUMN `a.b c` TO renamed",
        "ALTER TABLE {t} DROP COLUMN gone",
        "ALTER TABLE {t} ADD COLUMN gone STRING",
        "ALTER TABLE {t} RENAME COLUMN s.y.z TO zz",
        "ALTER TABLE {t} DROP COLUMN s.x",
        "ALTER TABLE {t} ADD COLUMN s.x STRING FIRST",
        "ALTER TABLE {t} RENAME COLUMN l.element.e TO ee",
        "ALTER TABLE {t} ADD COLUMN l.element.g INT",
        "ALTER TABLE {t} RENAME COLUMN m.value.v TO vv",
        "ALTER TABLE {t} RENAME COLUMN m.value.vv.element.deep TO deeper",
        "ALTER TABLE {t} ALTER COLUMN gone FIRST",
        "INSERT INTO {t} SELECT 'back', 5, 'r', 2, struct('x', struct('z', NULL)), array(struct(1, 'f', 2)),"
        " map('k', struct(1, array(struct(6))))",
        "ALTER TABLE {t} RENAME COLUMN id TO `1d`", "ALTER TABLE {t} RENAME COLUMN renamed TO id",  # names change owners
        "UPDATE {t} SET id = concat(id, '!') WHERE `1d` = 5",
        properties=f"'delta.columnMapping.mode' = '{mode}'")
    agree(spark, path)


def test_column_mapping_switched_on_later(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "id BIGINT, a STRING, s STRUCT<x: INT>, l ARRAY<STRUCT<e: INT>>",
        "INSERT INTO {t} VALUES (1, 'a', struct(1), array(struct(2)))",
        "ALTER TABLE {t} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
        "ALTER TABLE {t} RENAME COLUMN a TO b", "ALTER TABLE {t} RENAME COLUMN l.element.e TO f",
        "ALTER TABLE {t} ADD COLUMN a INT",
        "INSERT INTO {t} VALUES (2, 'b', struct(2), array(struct(3)), 5)")
    agree(spark, path)


CHECKPOINTED = [f"INSERT INTO {{t}} SELECT id, concat('p', id % 3), struct(id, id * 1.5) FROM range({n}0, {n}9, 1, 2)" for n in range(5)]


@pytest.mark.parametrize(["policy", "parts"], [("classic", 0), ("classic", 3), ("v2", 3)])
def test_checkpoints(spark, tmp_path, policy, parts):
    if parts:
        spark.sql(f"SET spark.databricks.delta.checkpoint.partSize = {parts}")
    try:
        path = make(
            spark, tmp_path / "t", "id BIGINT, p STRING, s STRUCT<a: BIGINT, b: DECIMAL(20, 1)>", *CHECKPOINTED,
            "DELETE FROM {t} WHERE id % 7 = 3", "ALTER TABLE {t} ADD COLUMN more INT", "INSERT INTO {t} VALUES (99, NULL, NULL, 1)",
            how="PARTITIONED BY (p)",
            properties=f"'delta.checkpointPolicy' = '{policy}', 'delta.checkpointInterval' = '3', "
                       "'delta.enableDeletionVectors' = 'true', 'delta.checkpoint.writeStatsAsStruct' = 'true'")
    finally:
        spark.sql("RESET spark.databricks.delta.checkpoint.partSize")
    names = [file.name for file in (path / "_delta_log").rglob("*checkpoint*")]
    assert len(names) > 2
    if policy == "v2":
        assert any((path / "_delta_log" / "_sidecars").iterdir())
    elif parts:
        assert any(name.count(".") > 3 for name in names), names
    # The latest version out of the checkpoint alone, and without the pointer to it.
    newest = max(int(name.split(".")[0]) for name in names if name[0] == "0")
    for version in range(newest):
        (path / "_delta_log" / f"{version:020}.json").unlink()
    agree(spark, path, [newest])
    (path / "_delta_log" / "_last_checkpoint").unlink()
    agree(spark, path, [newest])


def test_log_compactions(spark, tmp_path):
    spark.sql("SET spark.databricks.delta.deltaLog.minorCompaction.useForReads = true")
    path = make(spark, tmp_path / "t", "id BIGINT, p STRING", *["INSERT INTO {t} SELECT id, 'x' FROM range(%d)" % n for n in range(1, 6)],
                "DELETE FROM {t} WHERE id = 2")
    agree(spark, path)


def test_type_widening(spark, tmp_path):
    path = make(
        spark, tmp_path / "t",
        "b BYTE, s SHORT, i INT, f FLOAT, d DECIMAL(5, 2), dt DATE, i2 INT, n STRUCT<x: BYTE>, l ARRAY<SHORT>, m MAP<BYTE, INT>, p SHORT",
        "INSERT INTO {t} VALUES (-128, -32768, -2147483648, 1.1, 999.99, DATE'1969-12-31', 7, struct(1), array(1, NULL), map(1, 2), 3)",
        "ALTER TABLE {t} ALTER COLUMN b TYPE SHORT",
        "INSERT INTO {t} VALUES (300, 1, 2, 'NaN', -0.01, DATE'0001-01-01', 7, struct(1), array(1), map(1, 2), NULL)",
        "ALTER TABLE {t} ALTER COLUMN b TYPE INT", "ALTER TABLE {t} ALTER COLUMN s TYPE BIGINT", "ALTER TABLE {t} ALTER COLUMN i TYPE BIGINT",
        "ALTER TABLE {t} ALTER COLUMN f TYPE DOUBLE", "ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(12, 4)",
        "ALTER TABLE {t} ALTER COLUMN dt TYPE TIMESTAMP_NTZ", "ALTER TABLE {t} ALTER COLUMN i2 TYPE DOUBLE",
        "ALTER TABLE {t} ALTER COLUMN n.x TYPE INT", "ALTER TABLE {t} ALTER COLUMN l.element TYPE INT",
        "ALTER TABLE {t} ALTER COLUMN m.key TYPE INT", "ALTER TABLE {t} ALTER COLUMN m.value TYPE BIGINT",
        "ALTER TABLE {t} ALTER COLUMN p TYPE INT",
        "INSERT INTO {t} VALUES (70000, 9000000000, 9000000000, 1.1, 12345678.1234, TIMESTAMP_NTZ'2020-01-01 10:00:00.123456', 0.5,"
        " struct(70000), array(70000), map(70000, 9000000000), 70000)",
        "ALTER TABLE {t} ALTER COLUMN b TYPE BIGINT",
        "INSERT INTO {t} VALUES (9000000000, 1, 1, 1, 1, TIMESTAMP_NTZ'9999-12-31 23:59:59.999999', 1, struct(1), array(1), map(1, 1), 1)",
        "DELETE FROM {t} WHERE b = 300",
        how="PARTITIONED BY (p)",
        properties="'delta.enableTypeWidening' = 'true', 'delta.feature.timestampNtz' = 'supported', 'delta.enableDeletionVectors' = 'true'")
    agree(spark, path)


def test_type_widening_with_mapped_columns(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "i INT, d DECIMAL(4, 1), n STRUCT<x: SHORT>, l ARRAY<STRUCT<e: BYTE>>, i3 INT",
        "INSERT INTO {t} VALUES (1, 1.5, struct(2), array(struct(3)), 4)",
        "ALTER TABLE {t} RENAME COLUMN i TO j", "ALTER TABLE {t} ALTER COLUMN j TYPE BIGINT",
        "ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(30, 5)", "ALTER TABLE {t} ALTER COLUMN n.x TYPE BIGINT",
        "ALTER TABLE {t} ALTER COLUMN l.element.e TYPE INT", "ALTER TABLE {t} ALTER COLUMN i3 TYPE DECIMAL(12, 2)",
        "INSERT INTO {t} VALUES (9000000000, 1.12345, struct(9000000000), array(struct(300)), 5.25)",
        properties="'delta.enableTypeWidening' = 'true', 'delta.columnMapping.mode' = 'id'")
    agree(spark, path)


PARTITION_TYPES = {
    "p_byte": ("BYTE", "-1"), "p_short": ("SHORT", "300"), "p_int": ("INT", "-70000"), "p_long": ("BIGINT", "9000000000"),
    "p_float": ("FLOAT", "1.5"), "p_double": ("DOUBLE", "-0.1"), "p_decimal": ("DECIMAL(20, 3)", "-12345.678"),
    "p_bool": ("BOOLEAN", "true"), "p_date": ("DATE", "DATE'1969-12-31'"),
    "p_ts": ("TIMESTAMP", "TIMESTAMP'2020-03-29 02:30:00.123456'"),
    "p_ntz": ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ'1960-03-29 02:30:00.5'"), "p_binary": ("BINARY", "X'4120C3A9'"),
    "p_text": ("STRING", "'a b/c=%41%é漢🙂\\'\"\\\\{}[]:#?*&+~^|<>,;!@$'"),
}


def test_partition_values_of_every_type(spark, tmp_path):
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in PARTITION_TYPES.items())
    values = ", ".join(value for _, value in PARTITION_TYPES.values())
    nulls = ", ".join("NULL" for _ in PARTITION_TYPES)
    path = make(spark, tmp_path / "t", f"id INT, {columns}", f"INSERT INTO {{t}} VALUES (1, {values}), (2, {nulls})",
                f"INSERT INTO {{t}} VALUES (3, {values})", "DELETE FROM {t} WHERE id = 3",
                how=f"PARTITIONED BY ({', '.join(PARTITION_TYPES)})", properties="'delta.enableDeletionVectors' = 'false'")
    agree(spark, path)


@pytest.mark.parametrize("properties", ["'delta.enableDeletionVectors' = 'true'", "'delta.columnMapping.mode' = 'name'"])
def test_odd_texts_as_partition_values(spark, tmp_path, properties):
    texts = ["''", "' '", "'NULL'", "'null'", "'__HIVE_DEFAULT_PARTITION__'", "'a=b'", "'%2F'", "'/'", "'..'", "'é'", "'\\n\\t'", "'1.0'", "NULL",
             "'https://x/y?z=1&p=2#f'", "'A'", "'a'", "'x' ", "'%'"]
    path = make(spark, tmp_path / "t", "`p x` STRING, `p=y` STRING, id INT".replace("`p=y`", "py").replace("`p x`", "px"),
                "INSERT INTO {t} VALUES " + ", ".join(f"({text}, {texts[-i]}, {i})" for i, text in enumerate(texts)),
                "DELETE FROM {t} WHERE id = 4", how="PARTITIONED BY (px, py)", properties=properties)
    agree(spark, path)


def test_every_type_and_its_edges(spark, tmp_path):
    path = make(
        spark, tmp_path / "t",
        "b BYTE, s SHORT, i INT, l BIGINT, f FLOAT, d DOUBLE, d1 DECIMAL(1, 0), d38 DECIMAL(38, 18), t BOOLEAN, x BINARY, c STRING, da DATE,"
        " ts TIMESTAMP, nt TIMESTAMP_NTZ, st STRUCT<a: ARRAY<MAP<STRING, STRUCT<b: ARRAY<INT>>>>>, ar ARRAY<ARRAY<STRING>>,"
        " mp MAP<INT, MAP<STRING, TIMESTAMP>>, vc VARCHAR(5), ch CHAR(3)",
        "INSERT INTO {t} VALUES (127, 32767, 2147483647, 9223372036854775807, 'Infinity', '-Infinity', 9, 99999999999999999999.999999999999999999,"
        " true, X'00FF', 'é\\u0000🙂', DATE'9999-12-31', TIMESTAMP'9999-12-31 23:59:59.999999', TIMESTAMP_NTZ'0001-01-01 00:00:00',"
        " struct(array(map('k', struct(array(1, NULL))), NULL)), array(array('x', NULL), NULL, array()), map(1, map('t', TIMESTAMP'2020-01-01')),"
        " 'abcde', 'abc')",
        "INSERT INTO {t} VALUES (-128, -32768, -2147483648, -9223372036854775808, 'NaN', -0.0D, -9, -0.000000000000000001, false, X'', '',"
        " DATE'0001-01-01', TIMESTAMP'1582-10-15 00:00:00', TIMESTAMP_NTZ'1969-12-31 23:59:59.999999', struct(array()), array(), map(), '', 'x y')",
        "INSERT INTO {t} (i) VALUES (NULL)")
    agree(spark, path)
    spark.sql("SET spark.sql.parquet.outputTimestampType = INT96")
    try:
        spark.sql(f"INSERT INTO {table(path)} SELECT * FROM {table(path)} WHERE ts < TIMESTAMP'2200-01-01' OR ts IS NULL",
                  f"INSERT INTO {table(path)} (ts, mp) VALUES (TIMESTAMP'1900-01-01 00:00:00.000001', map(1, map('t', TIMESTAMP'1969-12-31 23:59:59.9')))")
    finally:
        spark.sql("RESET spark.sql.parquet.outputTimestampType")
    agree(spark, path)


def test_rules_and_generated_columns(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "id BIGINT NOT NULL, ts TIMESTAMP, day DATE GENERATED ALWAYS AS (CAST(ts AS DATE)), n INT DEFAULT 7",
        "ALTER TABLE {t} ADD CONSTRAINT positive CHECK (id > 0)",
        "INSERT INTO {t} (id, ts) VALUES (1, TIMESTAMP'2020-01-01 10:00:00'), (2, NULL)", "INSERT INTO {t} (id, ts, n) VALUES (3, NULL, 1)",
        how="PARTITIONED BY (day)", properties="'delta.feature.allowColumnDefaults' = 'supported'")
    agree(spark, path)


def test_identity_clustering_row_tracking_and_commit_timestamps(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "id BIGINT, a STRING, b INT",
        "INSERT INTO {t} SELECT id, concat('a', id), id % 5 FROM range(0, 1000, 1, 4)", "OPTIMIZE {t}",
        "UPDATE {t} SET a = 'x' WHERE id % 50 = 3", "ALTER TABLE {t} CLUSTER BY (b)", "INSERT INTO {t} VALUES (5000, NULL, NULL)",
        "OPTIMIZE {t} FULL", "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')", "DELETE FROM {t} WHERE id < 20",
        how="CLUSTER BY (id, a)", properties="'delta.enableRowTracking' = 'true'")
    agree(spark, path)


def test_empty_tables(spark, tmp_path):
    agree(spark, make(spark, tmp_path / "a", "id BIGINT, s STRUCT<a: INT>"))
    agree(spark, make(spark, tmp_path / "b", "id BIGINT, p INT", "INSERT INTO {t} SELECT id, id FROM range(3)", "DELETE FROM {t}",
                      "INSERT INTO {t} SELECT id, id FROM range(0)", how="PARTITIONED BY (p)", properties="'delta.columnMapping.mode' = 'id'"))


def test_time_travel(spark, tmp_path):
    path = make(spark, tmp_path / "t", "id BIGINT", "INSERT INTO {t} VALUES (1)", "INSERT INTO {t} VALUES (2)",
                "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')", "INSERT INTO {t} VALUES (3)",
                "INSERT INTO {t} VALUES (4)")
    history = duckdb.sql(f"SELECT version, timestamp::VARCHAR FROM '{spark.rows(f'DESCRIBE HISTORY {table(path)}')}' ORDER BY ALL").fetchall()
    for version, time in history:
        out = tmp_path / f"{version}.parquet"
        lab.subprocess.run([lab.PROGRAM, "table", "read", path, "--at", time, "--format", "parquet", "--out", out, "-q"], check=True)
        same_rows(out, spark.rows(f"SELECT * FROM {table(path)} TIMESTAMP AS OF '{time}'"), (version, time))
        same_rows(out, spark.read(path, version), (version, time))


def test_change_data(spark, tmp_path):
    path = make(
        spark, tmp_path / "t", "id BIGINT, v STRING, p INT",
        "INSERT INTO {t} SELECT id, concat('v', id), id % 3 FROM range(20)", "DELETE FROM {t} WHERE id = 3", "DELETE FROM {t} WHERE p = 1 AND id < 10",
        "UPDATE {t} SET v = 'u' WHERE id > 15", "MERGE INTO {t} USING (SELECT id FROM range(10, 25)) s ON {t}.id = s.id "
        "WHEN MATCHED AND s.id = 11 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 'm', p = 9 WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, 'n', NULL)",
        "OPTIMIZE {t}", "DELETE FROM {t} WHERE p = 9", "INSERT OVERWRITE {t} VALUES (1, 'over', 1)",
        how="PARTITIONED BY (p)", properties="'delta.enableChangeDataFeed' = 'true'")
    for first, last in [(0, latest(path)), (2, 4), (5, 5), (6, latest(path))]:
        out = tmp_path / f"{first}-{last}.parquet"
        lab.subprocess.run([lab.PROGRAM, "table", "diff", path, "--commits", "--from", str(first - 1) if first else "0", "--to", str(last),
                            "--format", "parquet", "--out", out, "-q"], check=True)
        first = max(first, 1)
        theirs = spark.rows(f"SELECT _commit_version, _change_type, id, v, p FROM table_changes_by_path('{path}', {first}, {last})")
        with duckdb.connect() as c:
            c.sql(f"COPY (SELECT _commit_version, _change_type, id, v, p FROM '{out}') TO '{out}.few' (FORMAT parquet)")
        same_rows(f"{out}.few", theirs, (first, last))

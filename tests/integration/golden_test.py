"""Delta tables that other programs wrote: every one is read right, or refused with the true reason."""
import json
import os
import pathlib
import subprocess
import tarfile

import duckdb
import pytest

import lab

DATA = pathlib.Path(os.environ.get("WINDROW_DATA", pathlib.Path(__file__).resolve().parents[3] / "shared/data")) / "delta"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs the Delta tables of other programs: set WINDROW_DATA")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden tables")
    for name in ("acceptance", "delta-rs"):
        with tarfile.open(DATA / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder


def program(*words):
    return subprocess.run([lab.PROGRAM, *words], capture_output=True, text=True, timeout=60)


def read(path, out, *more):
    result = program("table", "read", str(path), "--format", "parquet", "--out", str(out), *more)
    assert result.returncode == 0, result.stderr
    return out


def same_rows(ours, expected):
    """Both are what may stand behind FROM. Columns by name; rows as a multiset."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = [row[0] for row in connection.execute(f"DESCRIBE FROM {expected}").fetchall()]
        assert sorted(columns) == sorted(row[0] for row in connection.execute(f"DESCRIBE FROM {ours}").fetchall())
        listed = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
        for a, b in ((ours, expected), (expected, ours)):
            differing = connection.execute(f"SELECT {listed} FROM {a} EXCEPT ALL SELECT {listed} FROM {b} LIMIT 5").fetchall()
            assert differing == []


def test_acceptance_cases(tables, tmp_path):
    cases = sorted(path.parent for path in tables.glob("dat/generated/*/delta"))
    assert len(cases) == 11
    for case in cases:
        for version in sorted(case.glob("expected/*")):
            metadata = json.loads((version / "table_version_metadata.json").read_text())
            out = read(case / "delta", tmp_path / f"{case.name}-{version.name}.parquet", "--version", str(metadata["version"]))
            expected = f"read_parquet('{version}/**/*.parquet', hive_partitioning = false)"
            same_rows(f"read_parquet('{out}')", expected)


# Why a table cannot be read, in our words; what is not here must be read.
REFUSED = {
    "simple_table_features": "reader version 5, blahabl",
    # Their data files were never in the set: the logs alone are.
    **dict.fromkeys(["checkpoint_with_partitions", "checkpoints", "checkpoints_vacuumed", "latest_not_checkpointed",
                     "table-with-domain-metadata", "with_checkpoint_no_last_checkpoint"], "no files found"),
    "spark-shredded-variant-preview-delta": "variant",
    "spark-variant-checkpoint": "variant",
    "spark-variant-stable-feature-checkpoint": "variant",
}


def logs(tables):
    return sorted(path.parent for path in (tables / "delta-rs-data").rglob("_delta_log"))


def test_tables_of_other_programs(tables, tmp_path):
    read_right = 0
    for path in logs(tables):
        name = str(path.relative_to(tables / "delta-rs-data"))
        if name in REFUSED:
            result = program("table", "read", str(path))
            assert result.returncode == 1 and REFUSED[name] in result.stderr, (name, result.stderr)
            continue
        out = tmp_path / (name.replace("/", "-") + ".parquet")
        read(path, out)
        with lab.delta_extension() as judge:
            judge.execute("SET TimeZone = 'UTC'")
            judge.execute(f"CREATE TABLE judged AS FROM delta_scan('{path}')")
            judge.execute(f"COPY judged TO '{out}.judged' (FORMAT parquet)")
        same_rows(f"read_parquet('{out}')", f"read_parquet('{out}.judged')")
        read_right += 1
    assert read_right >= 40

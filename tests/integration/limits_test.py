"""Bounds on memory and disk."""
import os
import subprocess
import sys

import pytest

import lab


def test_ten_million_rows_over_a_thousand_partitions(tmp_path):
    files = {**lab.FILES, "models/gold/parted.sql": """/* windrow
partition_by: [p]
*/
SELECT hash(i) % 1000 AS p, i, md5(i::VARCHAR) AS text, i * 0.5::DOUBLE AS d FROM range(10000000) t(i)
"""}
    files["models/gold/parted.sql"] = files["models/gold/parted.sql"].replace("hash(i) % 1000", "(hash(i) % 1000)::INTEGER")
    folder = lab.make_project(tmp_path / "many", files)
    peak_mb = lab.peak_mb(folder, "run", "--select", "gold.parted")
    table = lab.deltalake.DeltaTable(str(lab.table_path(folder, "gold.parted")))
    adds = table.get_add_actions(flatten=True)
    assert sum(adds.column("num_records").to_pylist()) == 10_000_000
    assert len(set(adds.column("partition.p").to_pylist())) == 1000
    assert peak_mb < 700, peak_mb


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system, which needs root")
def test_a_full_disk_leaves_whole_versions(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a file system be mounted")
    try:
        folder = lab.make_project(small / "p", {**lab.FILES,
            "models/gold/big.sql": "SELECT i, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range(2000000) t(i)\n"})
        lab.add_events(folder, "a.ndjson", range(50))
        lab.windrow(folder, "run", "--exclude", "gold.big")
        before = lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"])
        failed = lab.windrow(folder, "run", "--select", "gold.big", check=False)
        assert failed.returncode == 1
        assert "No space left" in failed.stdout + failed.stderr or "no space left" in failed.stdout + failed.stderr
        assert lab.rows_of_delta_rs(lab.table_path(folder, "gold.kinds"), ["kind", "total"]) == before
        assert not list(lab.table_path(folder, "gold.big").rglob("*.parquet"))
        lab.add_events(folder, "b.ndjson", range(50, 60))
        lab.windrow(folder, "run", "--exclude", "gold.big")
    finally:
        subprocess.run(["umount", str(small)], check=False)

"""Models by intervals: which rows belong to which, and what a run of a part of them leaves alone."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from small_project import project, put, rows_of, windrow  # noqa: E402


def test_rows_outside_are_judged_by_interval(tmp_path):
    """Moved by a day the rows lie inside of the batch, but not of the interval that they are of."""
    model = ("/* windrow\nbuild: {interval: {column: shown, grain: day, batch: 1000}}\n*/\n"
             "SELECT ts + INTERVAL 1 DAY AS shown, id FROM bronze.e WHERE ts >= $start AND ts < $end\n")
    folder = project(tmp_path, "UTC", "2025-10-01", "id: bigint, ts: timestamp", {"gold.h": model})
    put(folder, "1.jsonl", {1: "2025-10-01T10:00:00"})
    result = windrow(folder, "run", "--end", "2025-10-05", check=False)
    assert result.returncode == 1 and "lie outside of [2025-10-01T00:00:00Z, 2025-10-02T00:00:00Z)" in result.stdout + result.stderr


DAILY = ("/* windrow\nbuild: {interval: {column: ts, grain: day, batch: 1}}\n*/\n"
         "SELECT ts, id FROM bronze.e WHERE ts >= $start AND ts < $end\n")


def test_a_full_refresh_of_a_range_leaves_all_else(tmp_path):
    folder = project(tmp_path, "UTC", "2026-11-01", "id: bigint, ts: timestamp", {"silver.m": DAILY})
    put(folder, "1.jsonl", {day: f"2026-11-0{day}T10:00:00" for day in range(2, 6)})
    windrow(folder, "run", "-q", "--end", "2026-11-07")
    windrow(folder, "run", "-q", "--full-refresh", "--start", "2026-11-03", "--end", "2026-11-04", "-s", "silver.m")
    assert rows_of(folder, "SELECT id FROM silver.m ORDER BY id") == ["2", "3", "4", "5"]
    told = windrow(folder, "plan", "--end", "2026-11-07").stdout
    assert "2026-11-0" not in told.replace("2026-11-07", ""), told
    # Rows from before a later begin stay, until all is built anew.
    yaml = folder / "windrow.yaml"
    yaml.write_text(yaml.read_text().replace("2026-11-01", "2026-11-04"))
    windrow(folder, "run", "-q", "--end", "2026-11-07")
    assert rows_of(folder, "SELECT id FROM silver.m ORDER BY id") == ["2", "3", "4", "5"]
    windrow(folder, "run", "-q", "--full-refresh", "-s", "silver.m")
    assert rows_of(folder, "SELECT id FROM silver.m ORDER BY id") == ["4", "5"]


def test_cleaning_the_log_does_not_change_the_plan(tmp_path):
    """Versions without a change are there after the one that was read, and then not any more."""
    folder = project(tmp_path, "UTC", "2026-11-20", "id: bigint, ts: timestamp", {"silver.m": DAILY, "gold.g": "SELECT count(*) AS n FROM silver.m\n"})
    put(folder, "1.jsonl", {1: "2026-11-21T10:00:00"})
    windrow(folder, "run", "-q")
    windrow(folder, "backfill", "2026-11-22", "2026-11-24", "--only", "all", "-q", "-s", "silver.m")
    windrow(folder, "run", "-q")
    assert "up to date" in windrow(folder, "plan").stdout
    windrow(folder, "table", "clean-log", "silver.m", "--retention", "0s")
    told = windrow(folder, "plan").stdout
    assert "everything is up to date" in told, told

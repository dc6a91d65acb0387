"""Two runs at once on one lake end as one of the two serial orders."""
import random
import time

import lab


def test_pairs_append_each_row_once(tmp_path):
    """The slower of two runs plans, the faster one commits, and only then the slower one looks at the table that it appends to."""
    folder = lab.make_project(tmp_path, lab.FILES | {
        "models/silver/all.sql": "/* windrow\nbuild: append\nnew_rows: bronze.events\n*/\nSELECT id, n FROM bronze.events\n"})
    for pair in range(15):
        lab.add_events(folder, f"{pair:03}.ndjson", range(pair * 5, pair * 5 + 5))
        runs = [lab.start(folder, "run", "-q", "-s", "+silver.all") for _ in range(2)]
        assert [run.wait(timeout=60) for run in runs] == [0, 0]
        counted = lab.windrow(folder, "query", "SELECT count(*), count(DISTINCT id) FROM silver.all", "--format", "csv").stdout
        assert counted.splitlines()[1:] == [f"{pair * 5 + 5},{pair * 5 + 5}"]


def test_fifty_overlapping_pairs(tmp_path):
    folder = lab.make_project(tmp_path / "pairs")
    random_points = random.Random(7)
    last = 0
    for pair in range(50):
        lab.add_events(folder, f"{pair:03}a.ndjson", range(last, last + 5))
        one = lab.start(folder, "run")
        time.sleep(random_points.uniform(0, 0.12))
        # Some keys come again, so that merges of both runs meet.
        lab.add_events(folder, f"{pair:03}b.ndjson", range(last + 3, last + 8))
        two = lab.start(folder, "run")
        last += 8
        ends = (one.wait(timeout=60), two.wait(timeout=60))
        assert ends == (0, 0), (pair, ends, lab.windrow(folder, "runs", check=False).stdout)
    lab.windrow(folder, "run")

    alone = lab.make_project(tmp_path / "alone")
    for path in sorted((folder / "data").iterdir()):
        lab.shutil.copy2(path, alone / "data" / path.name)
    lab.windrow(alone, "run")
    assert lab.state(folder) == lab.state(alone)

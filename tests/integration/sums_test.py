"""Tables that follow from sums kept beside them, where names could be taken for one another: each equals a full build."""
import json

import lab
import pytest

HEADER = "/* windrow\nincremental: {strategy: sums}\n*/\n"
SELECTS = {
    # `n` is a column of the outer table here, and the number of rows in the sums.
    "outer": "SELECT a.n, sum(a.x) AS sx, (SELECT max(z) FROM bronze.b WHERE y = n) AS z FROM bronze.a AS a GROUP BY a.n",
    "having": "SELECT a.n, count(*) AS c FROM bronze.a AS a GROUP BY a.n HAVING (SELECT max(z) FROM bronze.b WHERE y = n) > 1",
    # Of two columns of one name SQL takes the first.
    "twice": "SELECT w, count(*) AS c FROM (SELECT n AS w, k AS w FROM bronze.a WHERE EXISTS (SELECT 1 FROM bronze.b WHERE y = n)) t GROUP BY w",
    "plain": "SELECT n, sum(x) AS sx, avg(x) AS ax, count(DISTINCT k) AS ks FROM bronze.a GROUP BY n",
}


def rows(folder, name: str) -> list:
    return sorted(json.dumps(row, sort_keys=True) for row in json.loads(lab.windrow(folder, "query", f"SELECT * FROM gold.{name}", "--json").stdout))


@pytest.mark.parametrize("name", SELECTS)
def test_equals_a_full_build_after_each_change(tmp_path, name):
    for folder in ("sources", "models/gold", "a", "b"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "windrow.yaml").write_text("project: p\nenvironments: {dev: {lake: lake}}\n")
    (tmp_path / "sources/a.yaml").write_text("source: bronze.a\nfrom: {files: \"a/*.csv\"}\ncolumns: {n: bigint, k: bigint, x: bigint}\n")
    (tmp_path / "sources/b.yaml").write_text("source: bronze.b\nfrom: {files: \"b/*.csv\"}\ncolumns: {y: bigint, z: bigint}\n")
    (tmp_path / f"models/gold/{name}.sql").write_text(HEADER + SELECTS[name] + "\n")
    (tmp_path / "b/1.csv").write_text("y,z\n10,1\n20,2\n30,7\n40,7\n")
    for turn in range(3):
        lines = [f"{10 + 10 * (i % 5)},{i % 4},{i * turn}" for i in range(turn, 20 + turn)]
        (tmp_path / f"a/{turn}.csv").write_text("n,k,x\n" + "\n".join(lines) + "\n")
        lab.windrow(tmp_path, "run", "-q")
        followed = rows(tmp_path, name)
        select = json.loads(lab.windrow(tmp_path, "query", SELECTS[name], "--json").stdout)
        assert followed == sorted(json.dumps(row, sort_keys=True) for row in select)

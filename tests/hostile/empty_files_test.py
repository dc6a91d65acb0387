"""Files without a record: a header alone, nothing, a mark of the byte order."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from small_project import project, rows_of, windrow  # noqa: E402


@pytest.mark.parametrize("text", ["id,v\n", "id,v", "", "\n", "\ufeffid,v\r\n"])
@pytest.mark.parametrize("first", [True, False])
def test_a_file_without_a_row_is_read_once(tmp_path, text, first):
    folder = project(tmp_path, "UTC", "2026-11-20", "id: bigint, v: bigint", {"silver.m": "SELECT id FROM bronze.e\n"}, "csv")
    if not first:
        (folder / "data/1.csv").write_text("id,v\n1,2\n")
        windrow(folder, "run", "-q")
    (folder / "data/2.csv").write_text(text)
    assert "everything is up to date" not in windrow(folder, "plan").stdout
    windrow(folder, "run", "-q")
    assert "everything is up to date" in windrow(folder, "plan").stdout
    assert rows_of(folder, "SELECT count(*) FROM bronze.e") == ["0" if first else "1"]
    (folder / "data/3.csv").write_text("id,v\n7,8\n")
    windrow(folder, "run", "-q")
    assert rows_of(folder, "SELECT id FROM silver.m ORDER BY id") == (["7"] if first else ["1", "7"])

"""What a source holds is counted against what was read and set aside: nothing goes missing in silence."""
import json

import pyarrow as pa
import pyarrow.parquet

import lab

SOURCE = {"sources/t.yaml": "source: bronze.t\nfrom: {files: \"data/*\"}\n", "windrow.yaml": lab.FILES["windrow.yaml"]}


def ingest(folder):
    result = lab.windrow(folder, "run", "--select", "bronze.t", "--json", check=False)
    return json.loads(result.stdout)["tasks"][0]


def test_a_parquet_footer_that_promises_more_rows_than_there_are(tmp_path):
    folder = lab.make_project(tmp_path / "p", SOURCE)
    pa.parquet.write_table(pa.table({"a": list(range(5))}), folder / "data/good.parquet")
    path = folder / "data/lies.parquet"
    pa.parquet.write_table(pa.table({"a": list(range(50))}), path, compression="none", store_schema=False)
    data = path.read_bytes()
    # FileMetaData.num_rows is the first i64 behind the schema: zigzag of 50, field 3 in Thrift's compact protocol.
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = data.index(b"\x16\x64", footer)
    path.write_bytes(data[: at + 1] + b"\x66" + data[at + 2 :])
    assert pa.parquet.read_metadata(path).num_rows == 51
    task = ingest(folder)
    assert task["status"] == "failed"
    assert '"lies.parquet" holds 51 records, but 50 were read and 0 set aside' in json.dumps(task, ensure_ascii=False).replace("\\\"", "\""), task
    assert not (lab.table_path(folder, "bronze.t") / "_delta_log").exists()

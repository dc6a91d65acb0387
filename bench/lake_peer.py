"""The same work as lake_bench and `windrow table` do, by delta-rs: lake_peer.py VERB TABLE [MORE]. Prints seconds without imports, and MB."""
import concurrent.futures
import json
import os
import resource
import sys
import time

import deltalake
import pyarrow
import pyarrow.parquet

verb, table, *more = sys.argv[1:]
options = None
if table.startswith("s3://"):
    options = {"allow_http": "true", **{k: v for k, v in os.environ.items() if k.startswith("AWS_")}}


def append(i: int) -> None:
    """As a user would: once more where delta-rs has given up after its fifteen tries."""
    while True:
        try:
            return deltalake.write_deltalake(table, pyarrow.table({"id": [i], "name": ["x"]}), mode="append")
        except deltalake.exceptions.CommitFailedError:
            pass


began = time.perf_counter()
if verb == "open":
    answer = len(deltalake.DeltaTable(table).file_uris())
elif verb == "append":
    for i in range(int(more[0])):
        append(i)
    answer = more[0]
elif verb == "appends":
    with concurrent.futures.ThreadPoolExecutor(int(more[0])) as pool:
        list(pool.map(append, range(int(more[0]))))
    answer = more[0]
elif verb == "merge":
    changes = pyarrow.parquet.read_table(more[0])
    answer = (deltalake.DeltaTable(table).merge(changes, "t.id = s.id", source_alias="s", target_alias="t")
              .when_matched_update_all().when_not_matched_insert_all().execute())
elif verb == "optimize":
    answer = deltalake.DeltaTable(table).optimize.compact()
elif verb == "query":
    low, high = map(int, more)
    found = deltalake.DeltaTable(table, storage_options=options).to_pyarrow_table(columns=["id", "v"], filters=[("id", ">=", low), ("id", "<", high)])
    answer = f"{len(found)} {sum(found['v'].to_pylist())}"
print(json.dumps({"answer": str(answer), "seconds": time.perf_counter() - began, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))

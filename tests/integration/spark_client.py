"""Runs SQL on a Spark server, as a process of its own in the Python that has Spark's client (spark_lab.py starts it).

Requests come one a line as JSON on standard input: {"sql": [...]} runs them in turn, {"sql": [...], "out": FILE} also
writes the rows of the last one to a Parquet file. Answers are one a line: {} or {"error": TEXT}.
"""
import json
import sys

import pyarrow.parquet
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("{}", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    try:
        frame = None
        for text in request["sql"]:
            frame = spark.sql(text)
        if "out" in request:
            pyarrow.parquet.write_table(frame.toArrow(), request["out"])
    except Exception as error:
        answer = {"error": f"{text}\n{str(error).partition('JVM stacktrace:')[0].strip()}"}
    print(json.dumps(answer), flush=True)

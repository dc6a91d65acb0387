"""Benchmarks of operators, each beside the program that judges it: sentiment of reviews, the network of actors, simulated risk of stocks."""
import csv
import gzip
import itertools
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import time

DATA = pathlib.Path(os.environ.get("WINDROW_DATA") or pathlib.Path(__file__).resolve().parents[2] / "shared/data") / "movies"
REVIEWS = {"whole reviews": "reviews_polarity_docs.ndjson.gz", "sentences": "reviews_rt_sentences.ndjson.gz"}
MILLION = 1_000_000
BY_VADER = """import json, sys, time
sys.path.insert(0, sys.argv[1])
from vaderSentiment import SentimentIntensityAnalyzer
analyzer, texts = SentimentIntensityAnalyzer(), [json.loads(line) for line in sys.stdin]
began = time.perf_counter()
scores = [analyzer.polarity_scores(text)["compound"] for text in texts]
print(json.dumps({"seconds": time.perf_counter() - began, "total": sum(scores)}))
"""


def timed_cpu(command: list[str]) -> tuple[float, float, str]:
    """Seconds by the clock and of the processor, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, printed


def reviews(file: str) -> list[str]:
    with gzip.open(DATA / file, "rt") as lines:
        return [json.loads(line)["text"] for line in lines]


def sentiment(name: str, texts: list[str], folder: pathlib.Path, program: str, put) -> list[tuple]:
    copies = max(1, 60 * MILLION // sum(len(text.encode()) for text in texts))
    put(folder, {"windrow.yaml": "project: texts\nenvironments: {dev: {lake: lake}}\n",
                 "sources/texts.yaml": "source: bronze.texts\nfrom: {files: texts.jsonl}\ncolumns: {n: bigint, text: varchar}\n",
                 # Each text is one of its own: of equal ones only one would be looked at. The number is a word that says nothing.
                 "texts.jsonl": "".join(json.dumps({"n": copy * len(texts) + i, "text": f"{text} {copy}00" if copy else text}) + "\n"
                                         for copy in range(copies) for i, text in enumerate(texts))})
    subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL)
    size = copies * sum(len(text.encode()) for text in texts) / MILLION
    ask = [program, "-C", str(folder), "--json", "query"]
    measures = {"score": "SELECT sum(sentiment_score(text)) AS total FROM bronze.texts", "length": "SELECT sum(length(text)) AS total FROM bronze.texts"}
    best = {}
    for _ in range(3):
        for measure, sql in measures.items():
            found = timed_cpu([*ask, sql])
            best[measure] = min(best.get(measure, found), found, key=lambda each: each[1])
    wall, cpu = (best["score"][i] - best["length"][i] for i in (0, 1))  # without start, reading and adding up
    sample = texts[:1_000]
    chosen = json.loads(timed_cpu([*ask, f"SELECT sum(sentiment_score(text)) AS total FROM bronze.texts WHERE n < {len(sample)}"])[2])
    peer = subprocess.run([sys.executable, "-c", BY_VADER, os.environ["VADER"]], input="".join(json.dumps(text) + "\n" for text in sample),
                          check=True, capture_output=True, text=True)
    theirs = json.loads(peer.stdout)
    assert abs(chosen[0]["total"] - theirs["total"]) < 1e-6, (chosen, theirs)
    rate = sum(len(text.encode()) for text in sample) / MILLION / theirs["seconds"]
    return [(f"sentiment: {name}, {size:.0f} MB in {copies * len(texts):,} texts", wall,
             f"{size / wall:.0f} MB/s by the clock, {size / cpu:.0f} MB a CPU second; vaderSentiment {rate:.2f} MB/s: {size / wall / rate:.0f} x, {size / cpu / rate:.0f} x by CPU")]


def actors() -> dict[tuple[str, str], int]:
    films = {}
    with gzip.open(DATA / "tmdb_movies_cast10.ndjson.gz", "rt") as lines:
        for line in lines:
            cast = json.loads(line)["cast"]
            for pair in itertools.combinations(sorted({m["name"] if isinstance(m, dict) else m for m in cast}), 2):
                films[pair] = films.get(pair, 0) + 1
    return films


def network(folder: pathlib.Path, program: str, put) -> list[tuple]:
    import igraph
    edges = actors()
    put(folder, {"windrow.yaml": "project: actors\nenvironments: {dev: {lake: lake}}\n",
                 "sources/edges.yaml": "source: bronze.edges\nfrom: {files: edges.jsonl}\ncolumns: {a: varchar, b: varchar, films: bigint}\n",
                 "models/silver/same.sql": "SELECT a, b, films FROM bronze.edges\n",
                 "models/silver/network.sql": "/* windrow\noperator: {name: network, from: a, to: b, weight: films}\n*/\nSELECT a, b, films FROM bronze.edges\n",
                 "edges.jsonl": "".join(json.dumps({"a": a, "b": b, "films": films}) + "\n" for (a, b), films in edges.items())})
    run = [program, "-C", str(folder), "run", "-q"]
    subprocess.run([*run, "-s", "bronze.edges"], check=True, stdout=subprocess.DEVNULL)
    same, ours = (min(timed_cpu([*run, "-s", name, "--full-refresh"])[1] for _ in range(3)) for name in ("silver.same", "silver.network"))
    rows = json.loads(timed_cpu([program, "-C", str(folder), "--json", "query", "SELECT node, community FROM silver.network ORDER BY node"])[2])
    graph = igraph.Graph.TupleList([(a, b, films) for (a, b), films in edges.items()], weights=True)
    igraph.set_random_number_generator(random.Random(1))
    began = time.process_time()
    graph.strength(weights="weight"), graph.connected_components(), graph.coreness(), graph.pagerank(weights="weight")
    two = time.process_time()
    leiden = graph.community_leiden("modularity", weights="weight", n_iterations=2)
    whole = time.process_time()
    converged = graph.community_leiden("modularity", weights="weight", n_iterations=-1)
    end = time.process_time()
    community = {row["node"]: row["community"] - 1 for row in rows}
    modularity = graph.modularity([community[name] for name in graph.vs["name"]], weights="weight")
    assert modularity > converged.modularity - 0.01, (modularity, converged.modularity)
    return [(f"network: {len(rows):,} actors, {len(edges):,} edges, by CPU time", ours - same,
             f"modularity {modularity:.3f}; igraph {two - began + end - whole:.1f} s to convergence ({converged.modularity:.3f}), "
             f"{whole - began:.1f} s with two passes of Leiden ({leiden.modularity:.3f})")]


BY_NUMPY = """import json, sys, time
import numpy as np
levels, paths, kind, folded = [0.95, 0.99], 2_000_000, sys.argv[1], sys.argv[2] == "folded"
days = json.load(sys.stdin)
prices = np.array(days["prices"])
root = np.linalg.cholesky(np.cov((prices[1:] / prices[:-1] - 1).T))
value = prices[-1] * np.array(days["quantity"])
best = None
for _ in range(4):  # the first touches its memory for the first time
    random = np.random.Generator(getattr(np.random, kind)(1))
    began, cpu = time.perf_counter(), time.process_time()
    drawn = random.standard_normal((paths, len(value)))
    losses = -(drawn @ (root.T @ value) if folded else drawn @ root.T @ value)
    quantiles = np.quantile(losses, levels)
    tails = [losses[losses >= quantile].mean() for quantile in quantiles]
    measured = time.perf_counter() - began, time.process_time() - cpu
    best = min(best or measured, measured)
print(json.dumps({"clock": best[0], "cpu": best[1], "paths": paths, "var": list(quantiles), "es": tails}))
"""


def risk(folder: pathlib.Path, program: str, put) -> list[tuple]:
    """Twenty stocks: the time of simulating them beside that of the same model that simulates nothing."""
    symbols = ["AAL", "AMZN", "BAC", "CAT", "COF", "DIS", "FDX", "GE", "GS", "HD", "IBM", "INTC", "JNJ", "NFLX", "ORCL", "OXY", "PEP", "SLB", "T", "WMT"]
    found = {}
    with gzip.open(DATA.parent / "finance/sp500_5yr_daily.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            if row["Name"] in symbols and row["close"]:
                found.setdefault(row["date"], {})[row["Name"]] = float(row["close"])
    days = sorted(day for day, prices in found.items() if len(prices) == len(symbols))
    quantity = [100 * (i % 4 - 1) + 50 for i in range(len(symbols))]
    book = "time: day, asset: asset, price: price, quantity: quantity, levels: [0.95, 0.99]"
    paths = 10_000_000
    model = "/* windrow\noperator: {name: value_at_risk, %s, methods: %s, paths: %d}\n*/\nSELECT * FROM bronze.prices\n"
    put(folder, {"windrow.yaml": "project: stocks\nenvironments: {dev: {lake: lake}}\n",
                 "sources/prices.yaml": "source: bronze.prices\nfrom: {files: prices.jsonl}\ncolumns: {day: date, asset: varchar, price: double, quantity: double}\n",
                 "models/silver/known.sql": model % (book, "parametric", paths), "models/silver/drawn.sql": model % (book, "monte_carlo", paths),
                 "models/silver/grown.sql": model % (book + ", returns: log", "monte_carlo", paths),
                 "prices.jsonl": "".join(json.dumps({"day": day, "asset": symbol, "price": found[day][symbol], "quantity": quantity[i]}) + "\n"
                                          for day in days for i, symbol in enumerate(symbols))})
    run = [program, "-C", str(folder), "run", "-q"]
    subprocess.run([*run, "-s", "bronze.prices"], check=True, stdout=subprocess.DEVNULL)
    clock, cpu = {}, {}
    for name in ("known", "drawn", "grown"):
        timed = [timed_cpu([*run, "-s", f"silver.{name}", "--full-refresh"]) for _ in range(4)]
        clock[name], cpu[name] = (min(each[i] for each in timed) for i in (0, 1))
    ours = json.loads(timed_cpu([program, "-C", str(folder), "--json", "query", "SELECT * FROM silver.drawn ORDER BY level"])[2])
    text = json.dumps({"prices": [[found[day][symbol] for symbol in symbols] for day in days], "quantity": quantity})
    peers = {}
    for kind, way in itertools.product(("PCG64", "SFC64", "Philox"), ("folded", "whole")):
        said = json.loads(subprocess.run([sys.executable, "-c", BY_NUMPY, kind, way], input=text, check=True, capture_output=True, text=True).stdout)
        for i, row in enumerate(ours):
            assert abs(row["value_at_risk"] / said["var"][i] - 1) < 0.01 and abs(row["expected_shortfall"] / said["es"][i] - 1) < 0.01, (row, said)
        peers[f"{kind} {way}"] = {measure: said["paths"] / said[measure] / MILLION for measure in ("clock", "cpu")}
    best = max(peers, key=lambda name: peers[name]["clock"])
    default = max((name for name in peers if name.startswith("PCG64")), key=lambda name: peers[name]["clock"])
    out = []
    for name, what in (("drawn", "returns in proportion"), ("grown", "log returns, each asset by itself")):
        took, used = clock[name] - clock["known"], cpu[name] - cpu["known"]
        rate, by_cpu = paths / took / MILLION, paths / used / MILLION
        said = f"{rate:.1f} million paths/s by the clock, {by_cpu:.1f} a CPU second"
        if name == "drawn":  # numpy does as much and no more
            said += (f"; numpy's default generator {peers[default]['clock']:.2f} and {peers[default]['cpu']:.2f}: {rate / peers[default]['clock']:.1f} x, "
                     f"{by_cpu / peers[default]['cpu']:.1f} x by CPU; its fastest ({best}) {peers[best]['clock']:.2f}: {rate / peers[best]['clock']:.1f} x")
        out.append((f"value_at_risk: {paths:,} paths of {len(symbols)} stocks, {what}", took, said))
    return out


def bench_operators(_, work: pathlib.Path, program: str, put) -> list[tuple]:
    if not DATA.is_dir():
        raise SystemExit("bench operators: needs the films of the data folder (WINDROW_DATA)")
    out = []
    for name, file in REVIEWS.items():
        out += sentiment(name, reviews(file), work / "sentiment", program, put)
    return out + network(work / "network", program, put) + risk(work / "risk", program, put)

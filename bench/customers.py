"""Benchmarks of operators of customers, each beside the program that judges it. lifetimes, implicit and mlxtend are not among the tests' packages:
WINDROW_PEERS is a Python that has them (pip install lifetimes implicit mlxtend scikit-learn pandas); without it their lines say so.
"""
import csv
import datetime
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile

from operators import DATA, timed_cpu

PEERS = os.environ.get("WINDROW_PEERS", sys.executable)
RETAIL = DATA.parent / "finance/online_retail_by_day.tar.gz"
PROJECT = "project: shop\nenvironments: {dev: {lake: lake}}\n"
FIRST_DAY = datetime.date(2024, 1, 1)
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}

BY_LIFETIMES = """import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas
from lifetimes import BetaGeoFitter, GammaGammaFitter
s = pandas.read_csv(sys.argv[1])
began = time.process_time()
buying = BetaGeoFitter()
buying.fit(s.x, s.t, s["T"])
fitted = time.process_time()
spending = GammaGammaFitter()
paid = s[(s.x > 0) & (s.m > 0)]
spending.fit(paid.x, paid.m)
value = spending.customer_lifetime_value(buying, s.x, s.t, s["T"], s.m.fillna(0), time=12, discount_rate=0.01)
print(json.dumps({"fit": fitted - began, "all": time.process_time() - began, "r": buying.params_["r"], "worth": float(value.sum())}))
"""
BY_SCIKIT_LEARN = """import json, sys, time
import numpy, pandas
from sklearn.cluster import KMeans
rows = pandas.read_csv(sys.argv[1]).to_numpy()
scaled, start = (rows - rows.mean(0)) / rows.std(0), numpy.array(json.loads(sys.argv[2]))
start = (start - rows.mean(0)) / rows.std(0)
means = KMeans(len(start), init=start, n_init=1, tol=0, max_iter=50)
began = time.process_time()
means.fit(scaled)
print(json.dumps({"all": time.process_time() - began, "inertia": means.inertia_}))
"""
BY_IMPLICIT = """import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy, pandas, scipy.sparse
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
rows = pandas.read_csv(sys.argv[1], dtype={"item": str})
who, item = pandas.Categorical(rows.who), pandas.Categorical(rows["item"])
ratings = scipy.sparse.csr_matrix((rows.pieces.astype("float64"), (who.codes, item.codes)))
users = numpy.arange(ratings.shape[0])
def timed(model, weights):
    began = time.process_time()
    model.fit(weights, show_progress=False)
    fitted = time.process_time()
    model.recommend(users, weights, N=10)
    return {"fit": fitted - began, "all": time.process_time() - began}
certain = ratings.copy()
certain.data = 1 + certain.data
als = AlternatingLeastSquares(factors=32, iterations=15, regularization=0.05, use_gpu=False, num_threads=1, random_state=1)
print(json.dumps({"als": timed(als, certain), "cosine": timed(CosineRecommender(K=51, num_threads=1), ratings)}))
"""
BY_MLXTEND = """import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas
from mlxtend.frequent_patterns import association_rules, fpgrowth
rows = pandas.read_csv(sys.argv[1], dtype=str)
table = pandas.crosstab(rows.basket, rows["item"]).astype(bool)
began = time.process_time()
sets = fpgrowth(table, min_support=0.01, use_colnames=True, max_len=3)
rules = association_rules(sets, metric="confidence", min_threshold=0.4)
print(json.dumps({"all": time.process_time() - began, "rules": int((rules.consequents.map(len) == 1).sum())}))
"""


def peer(script: str, *words: str) -> dict | None:
    said = subprocess.run([PEERS, "-c", script, *words], capture_output=True, text=True, env=os.environ | ONE_THREAD)
    if "ModuleNotFoundError" in said.stderr:
        return None
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def beside(seconds: float, theirs: float | None, name: str) -> str:
    return f"{name} is not installed (WINDROW_PEERS)" if theirs is None else f"{name} {theirs:.2f} s: {theirs / seconds:.1f} x"


class Shop:
    """A table of rows; an operator's time is that of a model with it less that of the same SELECT without."""

    def __init__(self, folder: pathlib.Path, program: str, put, columns: dict[str, str], rows: list[tuple], models: dict[str, str]):
        self.folder, self.program = folder, program
        text = io.StringIO()
        csv.writer(text).writerows([list(columns), *rows])
        header = "/* windrow\noperator: {%s}\n*/\n"
        put(folder, {"windrow.yaml": PROJECT, "rows.csv": text.getvalue(),
                     "sources/rows.yaml": f"source: bronze.rows\nfrom: {{files: rows.csv}}\ncolumns: {json.dumps(columns)}\n",
                     "models/silver/same.sql": "SELECT * FROM bronze.rows\n"}
            | {f"models/silver/{name}.sql": header % operator + "SELECT * FROM bronze.rows\n" for name, operator in models.items()})
        self.run = [program, "-C", str(folder), "run", "-q"]
        subprocess.run([*self.run, "-s", "bronze.rows"], check=True, stdout=subprocess.DEVNULL)
        self.same = self.cpu("same")

    def cpu(self, name: str) -> float:
        return min(timed_cpu([*self.run, "-s", f"silver.{name}", "--full-refresh"])[1] for _ in range(3))

    def seconds(self, name: str) -> float:
        return max(self.cpu(name) - self.same, 1e-3)

    def asked(self, sql: str) -> dict:
        return json.loads(timed_cpu([self.program, "-C", str(self.folder), "--json", "query", sql])[2])[0]


def purchases(customers: int) -> list[tuple]:
    """By the day since the begin of 2024: as BG/NBD and Gamma-Gamma have them."""
    rng = random.Random(1)
    rows = []
    for who in range(customers):
        rate, leaves, mean = rng.gammavariate(0.6, 1 / 25), rng.betavariate(1.1, 3.0), 240 / rng.gammavariate(4.5, 1)
        at = rng.uniform(0, 500)
        while at < 730:
            rows.append((who, int(at), round(rng.gammavariate(6, mean / 6) + 0.01, 2)))
            if rng.random() < leaves:
                break
            at += rng.expovariate(rate) if rate > 1e-9 else 1e9
    return rows


def lifetime_value(folder: pathlib.Path, program: str, put, customers: int) -> list[tuple]:
    rows = purchases(customers)
    days = {}
    for who, day, paid in rows:
        of = days.setdefault(who, {})
        of[day] = of.get(day, 0) + paid
    end = max(day for _, day, _ in rows)
    operator = "name: lifetime_value, customer: who, time: at, amount: paid, horizon: 360d, discount: 0.12870337"  # 1 % a month of 30 days
    dated = [(who, FIRST_DAY + datetime.timedelta(days=day), paid) for who, day, paid in rows]
    shop = Shop(folder, program, put, {"who": "bigint", "at": "date", "paid": "double"}, dated, {"value": operator})
    seconds = shop.seconds("value")
    with open(folder / "summary.csv", "w") as out:
        lines = csv.writer(out)
        lines.writerow(["x", "t", "T", "m"])
        for of in days.values():
            first, *later = sorted(of)
            lines.writerow([len(later), (later or [first])[-1] - first, end - first, sum(of[day] for day in later) / len(later) if later else ""])
    found = shop.asked("SELECT any_value(fit_r) AS r, sum(lifetime_value) AS worth FROM silver.value")
    theirs = peer(BY_LIFETIMES, str(folder / "summary.csv"))
    if theirs:
        assert abs(found["r"] / theirs["r"] - 1) < 1e-3 and abs(found["worth"] / theirs["worth"] - 1) < 0.02, (found, theirs)
    said = beside(seconds, theirs and theirs["all"], "lifetimes, both fits and values,")
    return [(f"lifetime_value: {len(days):,} customers, {len(rows):,} purchases, by CPU time", seconds,
             said + (f"; its BG/NBD fit alone {theirs['fit']:.2f} s: {theirs['fit'] / seconds:.1f} x" if theirs else ""))]


def clusters(folder: pathlib.Path, program: str, put, count: int) -> list[tuple]:
    rng = random.Random(2)
    middles = [[rng.uniform(0, 10) for _ in range(8)] for _ in range(10)]
    rows = [tuple(round(rng.gauss(middle, 2.5), 4) for middle in rng.choice(middles)) for _ in range(count)]
    columns = [f"f{i}" for i in range(8)]
    start = rows[:10]
    texts = json.dumps([" ".join(map(str, each)) for each in start])
    common = f"name: clusters, columns: {json.dumps(columns)}, k: 10, silhouette_rows: 2"
    shop = Shop(folder, program, put, {name: "double" for name in columns}, rows,
                {"begun": f"{common}, start: {texts}, iterations: 0", "moved": f"{common}, start: {texts}, iterations: 50",
                 "batches": f"{common}, batch: 1024, restarts: 1, iterations: 100"})
    begun, moved, batches = (shop.seconds(name) for name in ("begun", "moved", "batches"))
    found = {name: shop.asked(f"SELECT sum(distance * distance) AS inertia FROM silver.{name}")["inertia"] for name in ("moved", "batches")}
    theirs = peer(BY_SCIKIT_LEARN, str(folder / "rows.csv"), json.dumps(start))
    if theirs:
        assert abs(found["moved"] / theirs["inertia"] - 1) < 1e-6, (found, theirs)
    return [(f"clusters: {count:,} rows of 8 columns, k 10, up to 50 moves, by CPU time", moved,
             beside(moved, theirs and theirs["all"], "scikit-learn") + f"; of that {begun:.2f} s for reading, sorting, scaling and silhouettes"),
            ("clusters: the same by 100 mini-batches of 1,024", batches, f"inertia {found['batches'] / found['moved']:.3f} of that of all rows")]


def retail() -> list[dict]:
    with tarfile.open(RETAIL) as archive:
        return [row for member in archive.getmembers() if member.name.endswith(".csv")
                for row in csv.DictReader(io.TextIOWrapper(archive.extractfile(member))) if float(row["Quantity"]) > 0]


def recommend(folder: pathlib.Path, program: str, put, lines: list[dict]) -> list[tuple]:
    pairs = {}
    for line in lines:
        if line["CustomerID"]:
            pair = (int(float(line["CustomerID"])), line["StockCode"])
            pairs[pair] = pairs.get(pair, 0) + 1
    rows = [(who, item, count) for (who, item), count in pairs.items()]
    common = "name: recommend, user: who, item: item, weight: pieces"
    shop = Shop(folder, program, put, {"who": "bigint", "item": "varchar", "pieces": "double"}, rows,
                {"als": f"{common}, method: als", "cosine": common})
    theirs = peer(BY_IMPLICIT, str(folder / "rows.csv"))
    out = []
    for method, what in (("als", "32 factors, 15 rounds"), ("cosine", "50 neighbours")):
        seconds = shop.seconds(method)
        out.append((f"recommend: {method}, {what}, {len(rows):,} pairs, ten for each user, by CPU time", seconds,
                    beside(seconds, theirs and theirs[method]["all"], "implicit")))
    return out


def rules(folder: pathlib.Path, program: str, put, lines: list[dict]) -> list[tuple]:
    rows = sorted({(line["InvoiceNo"], line["StockCode"]) for line in lines})
    operator = "name: association_rules, basket: basket, item: item, support: 0.01, confidence: 0.4"
    shop = Shop(folder, program, put, {"basket": "varchar", "item": "varchar"}, rows, {"rules": operator})
    seconds, found = shop.seconds("rules"), shop.asked("SELECT count(*) AS rules FROM silver.rules")["rules"]
    theirs = peer(BY_MLXTEND, str(folder / "rows.csv"))
    if theirs:
        assert found == theirs["rules"], (found, theirs)
    return [(f"association_rules: {len(rows):,} rows, {found:,} rules, by CPU time", seconds, beside(seconds, theirs and theirs["all"], "mlxtend"))]


def bench_customers(_, work: pathlib.Path, program: str, put) -> list[tuple]:
    if not RETAIL.exists():
        raise SystemExit("bench customers: needs Online Retail of the data folder (WINDROW_DATA)")
    out = lifetime_value(work / "value", program, put, 100_000) + clusters(work / "clusters", program, put, 300_000)
    lines = retail()
    return out + recommend(work / "recommend", program, put, lines) + rules(work / "rules", program, put, lines)

"""Operators of customers beside programs that judge them: pandas, scipy, scikit-learn, and what is short enough to be written again."""
import datetime
import gzip
import io
import itertools
import json
import math
import os
import pathlib
import random
import signal
import statistics
import tarfile
import time
import typing

import deltalake
import lab
import numpy as np
import pandas
import pytest
import scipy.optimize
import scipy.special
import sklearn.cluster
import sklearn.metrics

DATA = pathlib.Path(os.environ.get("WINDROW_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/data") / "finance"
needs_cdnow = pytest.mark.skipif(not (DATA / "CDNOW_sample.txt.gz").exists(), reason="needs CDNOW's purchases of the data folder (WINDROW_DATA)")
needs_retail = pytest.mark.skipif(not (DATA / "online_retail_by_day.tar.gz").exists(), reason="needs Online Retail of the data folder (WINDROW_DATA)")
SEED = 20261130
FIRST_DAY = datetime.date(2025, 1, 1)
CUSTOMERS = "customer: who, time: at, amount: paid"


def project(folder: pathlib.Path, rows: pandas.DataFrame, models: dict[str, str], engine: str = "") -> None:
    """One source of these rows, `bronze.rows`, and for each operator a model that sends them through it."""
    types = {"int64": "bigint", "float64": "double", "bool": "boolean"}
    columns = {name: types.get(str(kind), "varchar") for name, kind in rows.dtypes.items()}
    columns |= {name: "timestamp" for name in columns if name == "at"}
    (folder / "models/silver").mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "windrow.yaml").write_text(f"project: p\nenvironments: {{dev: {{lake: lake{engine}}}}}\n")
    (folder / "sources/rows.yaml").write_text(f"source: bronze.rows\nfrom: {{files: rows.csv}}\ncolumns: {json.dumps(columns)}\n")
    rows.to_csv(folder / "rows.csv", index=False)
    for name, operator in models.items():
        (folder / f"models/silver/{name}.sql").write_text(f"/* windrow\noperator: {{{operator}}}\n*/\nSELECT * FROM bronze.rows\n")


def table(folder: pathlib.Path, name: str) -> pandas.DataFrame:
    return deltalake.DeltaTable(str(lab.table_path(folder, f"silver.{name}"))).to_pandas()


def built(folder: pathlib.Path, rows: pandas.DataFrame, **models: str) -> dict[str, pandas.DataFrame]:
    project(folder, rows, models)
    lab.windrow(folder, "run", "-q")
    return {name: table(folder, name) for name in models}


# --- rows --------------------------------------------------------------------------------------------------------

def made_purchases(customers: int = 1_500) -> pandas.DataFrame:
    """As BG/NBD and Gamma-Gamma have them: some thousand rows of a year."""
    rng = np.random.default_rng(SEED)
    rows = []
    for i in range(customers):
        rate, leaves, mean = rng.gamma(0.6, 1 / 25), rng.beta(1.1, 3.0), 8 * 30 / rng.gamma(4.5)
        at = float(rng.uniform(0, 200))
        while at < 365:
            rows.append((f"c{i:05}", FIRST_DAY + datetime.timedelta(days=int(at)), round(float(rng.gamma(6, mean / 6)) + 0.01, 2)))
            if rng.random() < leaves:
                break
            at += float(rng.exponential(1 / rate))
    return pandas.DataFrame(rows, columns=["who", "at", "paid"])


def cdnow() -> pandas.DataFrame:
    with gzip.open(DATA / "CDNOW_sample.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    return pandas.DataFrame([(row[1], datetime.datetime.strptime(row[2], "%Y%m%d").date(), float(row[4])) for row in rows], columns=["who", "at", "paid"])


def retail() -> pandas.DataFrame:
    """Lines of invoices with a customer, those that came back among them."""
    with tarfile.open(DATA / "online_retail_by_day.tar.gz") as archive:
        parts = [pandas.read_csv(io.BytesIO(archive.extractfile(member).read()), dtype={"InvoiceNo": str, "StockCode": str})
                 for member in archive.getmembers() if member.name.endswith(".csv")]
    rows = pandas.concat(parts).dropna(subset=["CustomerID"])
    return pandas.DataFrame({"who": rows.CustomerID.astype("int64"), "at": pandas.to_datetime(rows.InvoiceDate),
                             "paid": (rows.Quantity * rows.UnitPrice).astype("float64"), "invoice": rows.InvoiceNo, "item": rows.StockCode.str.upper(),
                             "pieces": rows.Quantity.astype("float64")}).reset_index(drop=True)


def films() -> pandas.DataFrame:
    return pandas.read_json(pathlib.Path(os.environ["MOVIES_JSON"]))


PURCHASES = [pytest.param(made_purchases, id="made"), pytest.param(retail, id="retail", marks=needs_retail)]


# --- rfm, retention ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source", PURCHASES)
def test_rfm_is_what_pandas_says(tmp_path, source):
    rows = source()[["who", "at", "paid"]]
    ours = built(tmp_path, rows, rfm=f"name: rfm, {CUSTOMERS}")["rfm"].set_index("who").sort_index()
    rows = rows.assign(at=pandas.to_datetime(rows["at"]))
    bought = rows[rows.paid >= 0]
    theirs = bought.groupby("who").agg(last=("at", "max"), frequency=("at", "size"))
    theirs["monetary"] = rows.groupby("who").paid.sum()
    theirs["recency"] = (bought["at"].max() - theirs["last"]) / pandas.Timedelta(days=1)
    assert list(ours.index) == list(theirs.index)
    assert (ours.frequency == theirs.frequency).all()
    assert np.allclose(ours.recency, theirs.recency, rtol=0, atol=1e-9) and np.allclose(ours.monetary, theirs.monetary, rtol=1e-12, atol=1e-8)

    def scores(values):  # of doubles as they came out: equal ones are equal there
        return 1 + ((values.rank(method="min") - 1) * 5 // len(values)).astype("int64")
    assert (ours.recency_score == scores(-ours.recency)).all()
    assert (ours.frequency_score == scores(ours.frequency)).all()
    assert (ours.monetary_score == scores(ours.monetary)).all()
    best = (ours.recency_score == 5) & (ours.frequency_score >= 4)
    assert (ours.segment == "champions").equals(best) and best.any()


@pytest.mark.parametrize("source", PURCHASES)
def test_retention_is_what_pandas_says(tmp_path, source):
    rows = source()[["who", "at"]]
    ours = built(tmp_path, rows, retention="name: retention, customer: who, time: at")["retention"]
    month = pandas.to_datetime(rows["at"]).dt.to_period("M")
    first = month.groupby(rows.who).transform("min")
    counts = pandas.DataFrame({"who": rows.who, "cohort": first, "month": month}).drop_duplicates().groupby(["cohort", "month"]).size()
    last = month.max()
    theirs = {(cohort.start_time.date(), (later - cohort).n): counts.get((cohort, later), 0)
              for cohort in sorted(set(first)) for later in pandas.period_range(cohort, last, freq="M")}
    found = {(pandas.Timestamp(row.cohort).date(), row.period): row.customers for row in ours.itertuples()}
    assert found == theirs
    assert all(row.of == theirs[pandas.Timestamp(row.cohort).date(), 0] and row.retention == row.customers / row.of
               for row in ours.rename(columns={"size": "of"}).itertuples())


# --- lifetime value ----------------------------------------------------------------------------------------------

def summary(rows: pandas.DataFrame, as_of: datetime.date) -> pandas.DataFrame:
    rows = rows[pandas.to_datetime(rows["at"]).dt.date <= as_of].groupby(["who", "at"], as_index=False).paid.sum()
    day = rows.groupby("who")["at"]
    rows = rows.assign(first=day.transform("min"))
    out = pandas.DataFrame({"x": day.size() - 1, "t": (day.max() - day.min()).map(lambda d: d.days), "age": day.min().map(lambda first: (as_of - first).days)})
    out["m"] = rows[rows["at"] > rows["first"]].groupby("who").paid.mean()
    return out.sort_index()


class Numbers(typing.NamedTuple):
    x: np.ndarray
    t: np.ndarray
    age: np.ndarray
    m: np.ndarray


def likelihood_of_buying(logs: np.ndarray, s: Numbers | pandas.DataFrame) -> float:
    """Fader, Hardie and Lee 2005, equation 6, as a mean of minus logarithms."""
    r, alpha, a, b = np.exp(logs)
    g = scipy.special.gammaln
    first = g(r + s.x) - g(r) + r * np.log(alpha) + g(a + b) + g(b + s.x) - g(b) - g(a + b + s.x)
    third = -(r + s.x) * np.log(alpha + s.age)
    fourth = np.where(s.x > 0, np.log(a) - np.log(np.maximum(b + s.x - 1, 1e-300)) - (r + s.x) * np.log(alpha + s.t), -np.inf)
    return -float(np.mean(first + np.logaddexp(third, fourth)))


def likelihood_of_spending(logs: np.ndarray, s: Numbers | pandas.DataFrame) -> float:
    """Fader and Hardie 2013, equation 1a."""
    p, q, v = np.exp(logs)
    g, px = scipy.special.gammaln, p * s.x
    return -float(np.mean(g(px + q) - g(px) - g(q) + q * np.log(v) + (px - 1) * np.log(s.m) + px * np.log(s.x) - (px + q) * np.log(s.x * s.m + v)))


def least(function, start: list[float], s: pandas.DataFrame) -> np.ndarray:
    numbers = Numbers(*(s[name].to_numpy(dtype="float64") for name in ("x", "t", "age", "m")))
    near = scipy.optimize.minimize(function, start, (numbers,), method="BFGS")
    found = scipy.optimize.minimize(function, near.x, (numbers,), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-13})
    return np.exp(found.x)


@pytest.mark.parametrize("source, as_of", [pytest.param(made_purchases, datetime.date(2025, 12, 31), id="made"),
                                           pytest.param(cdnow, datetime.date(1997, 9, 30), id="cdnow", marks=needs_cdnow)])
def test_lifetime_value_is_what_scipy_finds(tmp_path, source, as_of):
    rows = source()
    operator = f"name: lifetime_value, {CUSTOMERS}, as_of: {as_of}, horizon: 273d, discount: 0.12"
    ours = built(tmp_path, rows, value=operator)["value"].set_index("who").sort_index()
    s = summary(rows, as_of)
    assert list(ours.index) == list(s.index)
    assert (ours.frequency == s.x).all() and (ours.recency == s.t).all() and (ours.age == s.age).all()
    assert np.allclose(ours.monetary, s.m, rtol=1e-12, equal_nan=True)
    fit = ours.iloc[0]
    fitted = [fit.fit_r, fit.fit_alpha, fit.fit_a, fit.fit_b]
    theirs = least(likelihood_of_buying, [0, math.log(s.age.mean()), 0, 0], s)
    assert np.allclose(fitted, theirs, rtol=2e-4), (fitted, theirs)
    assert likelihood_of_buying(np.log(fitted), s) <= likelihood_of_buying(np.log(theirs), s) + 1e-12
    if source is cdnow:  # the paper's table 1, in weeks
        assert np.allclose([fit.fit_r, fit.fit_alpha / 7, fit.fit_a, fit.fit_b], [0.243, 4.414, 0.793, 2.426], atol=5e-4)
    paid = s[(s.x > 0) & (s.m > 0)]
    spending = [fit.fit_p, fit.fit_q, fit.fit_v]
    theirs = least(likelihood_of_spending, [0, 1, math.log(paid.m.mean())], paid)
    assert np.allclose(spending, theirs, rtol=2e-3), (spending, theirs)
    assert likelihood_of_spending(np.log(spending), paid) <= likelihood_of_spending(np.log(theirs), paid) + 1e-11

    # What follows from the parameters, by the papers' formulas.
    (r, alpha, a, b), (p, q, v) = fitted, spending
    odds = np.where(s.x > 0, a / (b + np.maximum(s.x, 1) - 1) * ((alpha + s.age) / (alpha + s.t)) ** (r + s.x), 0)
    assert np.allclose(ours.probability_alive, 1 / (1 + odds), rtol=1e-10)

    def expected(t):
        hyper = scipy.special.hyp2f1(r + s.x, b + s.x, a + b + s.x - 1, t / (alpha + s.age + t))
        return (a + b + s.x - 1) / (a - 1) * (1 - ((alpha + s.age) / (alpha + s.age + t)) ** (r + s.x) * hyper) / (1 + odds)
    assert np.allclose(ours.expected_purchases, expected(273), rtol=1e-7)
    mean = p * (v + s.x * s.m.fillna(0)) / (p * s.x + q - 1)
    assert np.allclose(ours.expected_value, mean, rtol=1e-10)
    days = [0, *range(30, 273, 30), 273]
    value = sum((expected(to) - (expected(begin) if begin else 0)) * 1.12 ** (-to / 365) for begin, to in itertools.pairwise(days)) * mean
    assert np.allclose(ours.lifetime_value, value, rtol=1e-6)


# --- clusters ----------------------------------------------------------------------------------------------------

FEATURES = ["budget", "gross", "rating", "votes"]


def ratings_of_films() -> pandas.DataFrame:
    all_films = films()
    out = pandas.DataFrame({"title": all_films["Title"].astype(str), "budget": all_films["Production Budget"], "gross": all_films["Worldwide Gross"],
                            "rating": all_films["IMDB Rating"], "votes": all_films["IMDB Votes"]})
    for column in FEATURES:
        out[column] = pandas.to_numeric(out[column], errors="coerce").astype("float64")
    return out


def standardized(rows: pandas.DataFrame) -> np.ndarray:
    values = rows[FEATURES].to_numpy()
    return (values - values.mean(0)) / values.std(0)


def test_clusters_are_those_of_scikit_learn_from_the_same_centres(tmp_path):
    rows = ratings_of_films()
    start = [[1e7, 2e7, 5, 5e3], [1e8, 3e8, 6, 9e4], [3e7, 5e7, 7.5, 5e4], [2e6, 1e6, 8, 1e3]]
    texts = json.dumps([" ".join(map(str, centre)) for centre in start])
    common = f"name: clusters, columns: {json.dumps(FEATURES)}, k: 4, silhouette_rows: 100000"
    found = built(tmp_path, rows, given=f"{common}, start: {texts}", free=common, batches=f"{common}, batch: 256, iterations: 100")
    for ours in found.values():
        incomplete = ours[FEATURES].isna().any(axis=1)
        assert ours[incomplete][["cluster", "distance", "silhouette"]].isna().all().all() and incomplete.any()
    found = {name: ours.dropna(subset=FEATURES) for name, ours in found.items()}
    given, values = found["given"], standardized(found["given"])
    raw = given[FEATURES].to_numpy()
    theirs = sklearn.cluster.KMeans(4, init=(np.array(start) - raw.mean(0)) / raw.std(0), n_init=1, tol=0, max_iter=300).fit(values)
    assert ((given.cluster - 1) == theirs.labels_).all()
    assert math.isclose((given.distance ** 2).sum(), theirs.inertia_, rel_tol=1e-9)
    assert np.allclose(given.silhouette, sklearn.metrics.silhouette_samples(values, theirs.labels_), atol=1e-9)

    best = sklearn.cluster.KMeans(4, n_init=10, random_state=SEED).fit(values).inertia_
    assert (found["free"].distance ** 2).sum() < best * 1.001
    sizes = found["free"].cluster.value_counts()
    assert list(sizes.sort_values(ascending=False).index) == [1, 2, 3, 4]
    by_batches = sklearn.cluster.MiniBatchKMeans(4, batch_size=256, n_init=5, random_state=SEED).fit(values).inertia_
    assert (found["batches"].distance ** 2).sum() < max(by_batches, best) * 1.03


# --- association rules -------------------------------------------------------------------------------------------

def facts_of_films() -> pandas.DataFrame:
    kinds = ["Major Genre", "MPAA Rating", "Distributor", "Source", "Creative Type"]
    all_films = films()
    return pandas.DataFrame([(i, f"{kind}: {value}") for i, facts in enumerate(all_films[kinds].itertuples(index=False))
                             for kind, value in zip(kinds, facts, strict=True) if isinstance(value, str)], columns=["basket", "item"])


def invoices() -> pandas.DataFrame:
    lines = retail()
    return lines[lines.pieces > 0].rename(columns={"invoice": "basket"})[["basket", "item"]]


@pytest.mark.parametrize("source, support", [pytest.param(facts_of_films, 0.03, id="films"), pytest.param(invoices, 0.02, id="retail", marks=needs_retail)])
def test_association_rules_are_all_that_there_are(tmp_path, source, support):
    rows = source()
    operator = f"name: association_rules, basket: basket, item: item, support: {support}, confidence: 0.4"
    ours = built(tmp_path, rows, rules=operator)["rules"]
    baskets = [set(items) for items in rows.groupby("basket").item.agg(list)]
    having = {}
    for i, items in enumerate(baskets):
        for item in items:
            having.setdefault(item, set()).add(i)
    enough = support * len(baskets)
    often = sorted(item for item, of in having.items() if len(of) >= enough)

    def count(items):
        return len(set.intersection(*(having[item] for item in items)))
    theirs = {}
    for size in (2, 3):
        for items in itertools.combinations(often, size):
            if size == 3 and any(pair not in pairs for pair in itertools.combinations(items, 2)):
                continue
            if (both := count(items)) < enough:
                continue
            for item in items:
                rest = [other for other in items if other != item]
                if (confidence := both / count(rest)) >= 0.4:
                    after = len(having[item]) / len(baskets)
                    theirs[json.dumps(rest, ensure_ascii=False, separators=(",", ":")), item] = (
                        both, both / len(baskets), confidence, confidence / after, both / len(baskets) - count(rest) / len(baskets) * after,
                        (1 - after) / (1 - confidence) if confidence < 1 else math.nan)
        if size == 2:
            pairs = {pair for pair in itertools.combinations(often, 2) if count(pair) >= enough}
    found = {(row.antecedent, row.consequent): (row.baskets, row.support, row.confidence, row.lift, row.leverage, row.conviction) for row in ours.itertuples()}
    assert found.keys() == theirs.keys() and len(found) > 10
    for key, values in theirs.items():
        assert np.allclose(found[key], values, rtol=1e-9, atol=1e-12, equal_nan=True), key


# --- recommendations ---------------------------------------------------------------------------------------------

def likings(users: int = 300, items: int = 120) -> pandas.DataFrame:
    """Users and items lie in a plane: the nearer, the likelier; some are everybody's."""
    rng = np.random.default_rng(SEED)
    places, things, loved = rng.normal(size=(users, 2)), rng.normal(size=(items, 2)), rng.uniform(0.2, 1, items)
    chance = loved * np.exp(-((places[:, None] - things[None]) ** 2).sum(2))
    return pandas.DataFrame([(f"u{u:03}", int(i), float(rng.integers(1, 6))) for u, i in zip(*np.nonzero(rng.random(chance.shape) < chance), strict=True)],
                            columns=["who", "item", "times"])


def matrix(rows: pandas.DataFrame) -> tuple[list, list, np.ndarray]:
    who, item = pandas.Categorical(rows.who), pandas.Categorical(rows["item"])
    out = np.zeros((len(who.categories), len(item.categories)))
    np.add.at(out, (who.codes, item.codes), rows.times.to_numpy())
    return list(who.categories), list(item.categories), out


def test_recommendations_by_cosine_are_what_numpy_says(tmp_path):
    rows = likings()
    common = "name: recommend, user: who, item: item, weight: times"
    found = built(tmp_path, rows, users=f"{common}, neighbours: 20", items=f"{common}, for: items, neighbours: 20, top: 5")
    users, items, weights = matrix(rows)
    lengths = np.sqrt((weights ** 2).sum(0))
    cosine = weights.T @ weights / np.outer(lengths, lengths)
    np.fill_diagonal(cosine, 0)
    near = np.zeros_like(cosine)  # of each item's row the twenty nearest
    for i, row in enumerate(cosine):
        kept = np.argsort(-row, kind="stable")[:20]
        near[i, kept] = row[kept]
    scores = np.where(weights > 0, 0, weights @ near)
    ours = found["users"].set_index(["who", "rank"])
    for u, user in enumerate(users):
        best = np.sort(scores[u])[::-1][:10]
        best = best[best > 0]
        mine = ours.loc[user] if len(best) else pandas.DataFrame(columns=["item", "score"])
        assert np.allclose(mine.score, best, rtol=1e-9), user
        assert np.allclose([scores[u, items.index(item)] for item in mine["item"]], mine.score, rtol=1e-9)
    ours = found["items"].set_index(["item", "rank"])
    for i, item in enumerate(items):
        best = np.sort(cosine[i])[::-1][:5]
        assert np.allclose(ours.loc[item].score, best[best > 0], rtol=1e-9)


def loss(scores: np.ndarray, weights: np.ndarray, regularization: float) -> float:
    """Of the best vectors with these products: the sum of their squares is twice the nuclear norm."""
    confidence, wanted = 1 + 2 * weights, weights > 0
    return float((confidence * (wanted - scores) ** 2).sum() + 2 * regularization * np.linalg.svd(scores, compute_uv=False).sum())


def test_recommendations_by_als_are_as_good_as_exact_least_squares(tmp_path):
    rows = likings()
    common = "name: recommend, user: who, item: item, weight: times, method: als, known: true, top: 1000, factors: 8, confidence: 2, regularization: 0.5"
    found = built(tmp_path, rows, als=common, seeded=f"{common}, seed: 2")
    users, items, weights = matrix(rows)

    def exact(seed):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(0, 0.01, (len(users), 8)), rng.normal(0, 0.01, (len(items), 8))
        for _ in range(15):
            for mine, others, w in ((x, y, weights), (y, x, weights.T)):
                for i in range(len(mine)):
                    confidence = 1 + 2 * w[i]
                    mine[i] = np.linalg.solve((others.T * confidence) @ others + 0.5 * np.eye(8), others.T @ (confidence * (w[i] > 0)))
        return loss(x @ y.T, weights, 0.5)
    theirs = [exact(seed) for seed in range(3)]
    for ours in found.values():
        scores = ours.pivot(index="who", columns="item", values="score").loc[users, items].to_numpy()
        assert np.linalg.matrix_rank(scores, tol=1e-8) == 8
        assert loss(scores, weights, 0.5) < max(theirs) * 1.005, theirs
    assert not found["als"].equals(found["seeded"])


# --- survival ----------------------------------------------------------------------------------------------------

def test_survival_is_what_its_formulas_say(tmp_path):
    rng = random.Random(SEED)
    rows = pandas.DataFrame([(rng.choice(["basic", "full"]), rng.choice([1, 2, 3, 5.5, 8, 13, 21, 34]), rng.random() < 0.6) for _ in range(400)],
                            columns=["plan", "months", "left"])
    ours = built(tmp_path, rows, curves="name: survival, duration: months, event: left, by: plan, confidence: 0.9")["curves"]
    z = statistics.NormalDist().inv_cdf(0.95)
    theirs = []
    for plan, group in sorted(rows.groupby("plan")):
        survival, variance, hazard = 1.0, 0.0, 0.0
        for months in sorted(set(group.months)):
            n, d = int((group.months >= months).sum()), int(((group.months == months) & group.left).sum())
            survival, variance, hazard = survival * (1 - d / n), variance + (d / (n * (n - d)) if n > d else math.inf), hazard + d / n
            width = z * math.sqrt(variance) / -math.log(survival) if 0 < survival < 1 else math.nan
            ends = (survival ** math.exp(width), survival ** math.exp(-width))
            theirs.append((plan, months, n, d, int((group.months == months).sum()) - d, survival, *ends, hazard))
    assert len(ours) == len(theirs) == 16
    for mine, wanted in zip(ours.sort_values(["plan", "duration"]).itertuples(index=False, name=None), theirs, strict=True):
        assert mine[:5] == wanted[:5]
        assert np.allclose(mine[5:], wanted[5:], rtol=1e-9, equal_nan=True), (mine, wanted)


# --- all of them -------------------------------------------------------------------------------------------------

ALL = {"rfm": f"name: rfm, {CUSTOMERS}", "retention": "name: retention, customer: who, time: at", "value": f"name: lifetime_value, {CUSTOMERS}",
       "groups": "name: clusters, columns: [paid, item], k: 5, silhouette_rows: 200", "batches": "name: clusters, columns: [paid], k: 3, batch: 64",
       "rules": "name: association_rules, basket: who, item: item, support: 0.02, confidence: 0.1", "also": "name: recommend, user: who, item: item, for: items",
       "als": "name: recommend, user: who, item: item, weight: paid, method: als, factors: 6, iterations: 5",
       "curves": "name: survival, duration: paid, event: returned, by: item"}


def test_all_are_the_same_on_any_number_of_threads_and_on_every_run(tmp_path):
    rows = made_purchases(600)
    rng = random.Random(SEED)
    rows["item"] = [rng.randrange(12) for _ in range(len(rows))]
    rows["returned"] = [rng.random() < 0.1 for _ in range(len(rows))]
    found = []
    for name, engine in {"one": ", engine: {threads: 1, memory: 128MB}", "four": ", engine: {threads: 4}"}.items():
        project(tmp_path / name, rows if name == "one" else rows.sample(frac=1, random_state=SEED), ALL, engine)
        lab.windrow(tmp_path / name, "run", "-q")
        found.append({model: table(tmp_path / name, model) for model in ALL})
    lab.windrow(tmp_path / "four", "run", "-q", "--full-refresh")
    found.append({model: table(tmp_path / "four", model) for model in ALL})
    for model in ALL:
        one, four, again = (all_found[model].sort_values(list(all_found[model].columns)).reset_index(drop=True) for all_found in found)
        assert len(one) > 0
        pandas.testing.assert_frame_equal(one, four, check_exact=True)
        pandas.testing.assert_frame_equal(four, again, check_exact=True)


def test_a_long_computation_stops_on_request(tmp_path):
    rng = random.Random(SEED)
    rows = pandas.DataFrame([(rng.random(), rng.random()) for _ in range(20_000)], columns=["a", "b"])
    project(tmp_path, rows, {"long": "name: clusters, columns: [a, b], k: 500, restarts: 100000"})
    lab.windrow(tmp_path, "run", "-q", "-s", "bronze.rows")
    process = lab.start(tmp_path, "run", "-q")
    time.sleep(3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.wait(timeout=30)
    assert time.monotonic() - began < 10


def test_what_is_wrong_names_the_customer(tmp_path):
    rows = pandas.DataFrame([("ann", FIRST_DAY, 5.0), ("bob", FIRST_DAY, -2.0)], columns=["who", "at", "paid"])
    project(tmp_path, rows, {"value": f"name: lifetime_value, {CUSTOMERS}"})
    said = lab.windrow(tmp_path, "run", "-q", check=False)
    assert "the amount \"paid\" of operator \"lifetime_value\" is below 0 in a row of customer \"bob\"" in said.stdout + said.stderr

"""Market and credit risk beside numpy, on the prices of real stocks and the rates of real currencies."""
import csv
import gzip
import json
import math
import os
import pathlib
import statistics

import lab
import numpy as np
import pytest

DATA = pathlib.Path(os.environ.get("WINDROW_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/data") / "finance"
needs_prices = pytest.mark.skipif(not (DATA / "sp500_5yr_daily.csv.gz").exists(), reason="needs the prices of the data folder (WINDROW_DATA)")
PROJECT = "project: p\nenvironments: {dev: {lake: lake}}\n"
SYMBOLS = ["AAL", "AMZN", "BAC", "CAT", "DIS", "GE", "GS", "JNJ", "NFLX", "ORCL", "OXY", "PEP", "SLB", "T", "WMT"]
HOLDING = {symbol: (i % 5 - 1.5) * 200 for i, symbol in enumerate(SYMBOLS)}  # some are owed
DESK = {symbol: ["east", "north", "west"][i % 3] for i, symbol in enumerate(SYMBOLS)}


def stocks(symbols: list[str]) -> tuple[list[str], np.ndarray]:
    """Days at which all have prices, and those by day and symbol."""
    found = {}
    with gzip.open(DATA / "sp500_5yr_daily.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            if row["Name"] in symbols and row["close"]:
                found.setdefault(row["date"], {})[row["Name"]] = float(row["close"])
    days = sorted(day for day, prices in found.items() if len(prices) == len(symbols))
    assert days, "not all of them have prices on any day"
    return days, np.array([[found[day][symbol] for symbol in symbols] for day in days])


def project(folder: pathlib.Path, rows: list[dict], columns: str, models: dict[str, str]) -> None:
    (folder / "models/silver").mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "windrow.yaml").write_text(PROJECT)
    (folder / "sources/rows.yaml").write_text(f"source: bronze.rows\nfrom: {{files: rows.jsonl}}\ncolumns: {columns}\n")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, header in models.items():
        (folder / f"models/silver/{name}.sql").write_text(f"/* windrow\noperator: {header}\n*/\nSELECT * FROM bronze.rows\n")


def result(folder: pathlib.Path, table: str) -> list[dict]:
    return json.loads(lab.windrow(folder, "query", f"SELECT * FROM silver.{table} ORDER BY ALL", "--json").stdout)


BOOK = "time: day, asset: asset, price: price, quantity: quantity"
COLUMNS = "{day: date, asset: varchar, desk: varchar, price: double, quantity: double}"


def book_rows(days: list[str], prices: np.ndarray, symbols: list[str] = SYMBOLS) -> list[dict]:
    return [{"day": day, "asset": symbol, "desk": DESK[symbol], "price": prices[i, j], "quantity": HOLDING[symbol]}
            for i, day in enumerate(days) for j, symbol in enumerate(symbols)]


# --- what numpy says -----------------------------------------------------------------------------------------------

def shortfall(losses: np.ndarray, level: float) -> float:
    """The integral of the quantiles above the level."""
    ordered, n = np.sort(losses)[::-1], len(losses)
    size = (1 - level) * n
    weights = np.clip(size - np.arange(n), 0, 1)
    return float(weights @ ordered / size)


def ewma_scaled(returns: np.ndarray, decay: float) -> np.ndarray:
    variances = [np.mean(returns ** 2, axis=0)]
    for row in returns:
        variances.append(decay * variances[-1] + (1 - decay) * row ** 2)
    sigma = np.sqrt(np.array(variances))
    return returns * sigma[-1] / sigma[:-1]


def philox(counter: list[np.ndarray], key: list[int]) -> list[np.ndarray]:
    """Philox4x32-10, from its paper."""
    mask = np.uint64(0xFFFFFFFF)
    x, (k0, k1) = [np.asarray(c, dtype=np.uint64) for c in counter], key
    for _ in range(10):
        a, b = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [(b >> np.uint64(32)) ^ x[1] ^ np.uint64(k0), b & mask, (a >> np.uint64(32)) ^ x[3] ^ np.uint64(k1), a & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return x


def normals(seed: int, paths: int, count: int) -> np.ndarray:
    path, out = np.arange(paths, dtype=np.uint64), []
    for quarter in range((count + 3) // 4):
        zero = np.zeros(paths, dtype=np.uint64)
        x = philox([path, zero, zero + np.uint64(quarter), zero], [seed & 0xFFFFFFFF, seed >> 32])
        for u, v in ((x[0], x[1]), (x[2], x[3])):
            radius = np.sqrt(-2 * np.log(((u >> np.uint64(1)) + 0.5) / 2 ** 31))
            out += [radius * np.cos(2 * np.pi * v / 2 ** 32), radius * np.sin(2 * np.pi * v / 2 ** 32)]
    return np.array(out[:count])


def close(found: float, wanted: float, tolerance: float = 1e-9, scale: float = 1.0) -> bool:
    return abs(found - wanted) <= tolerance * max(scale, abs(wanted))


# --- tests ---------------------------------------------------------------------------------------------------------

@needs_prices
def test_values_at_risk_are_those_of_numpy(tmp_path):
    days, prices = stocks(SYMBOLS)
    horizons, levels, decay, paths, seed = [1, 10], [0.95, 0.99], 0.96, 50_000, 2 ** 33 + 5
    asked = (f"{{name: value_at_risk, {BOOK}, by: [desk, desk/asset], methods: [historical, filtered, parametric, monte_carlo], levels: {levels}, "
             f"horizons: {horizons}, decay: {decay}, paths: {paths}, seed: {seed}, ")
    project(tmp_path, book_rows(days, prices), COLUMNS, {
        "plain": asked + "quantile: linear, mean: sample}",
        "logs": asked + "returns: log, covariance: ewma, horizon_by: overlapping, degrees_of_freedom: 5, window: 500}"})
    lab.windrow(tmp_path, "run", "-q")
    value = prices[-1] * np.array([HOLDING[symbol] for symbol in SYMBOLS])
    for name in ("plain", "logs"):
        plain = name == "plain"
        changes = (prices[1:] / prices[:-1] - 1) if plain else np.diff(np.log(prices), axis=0)[-500:]
        weights = np.full(len(changes), 1 / (len(changes) - 1)) if plain else decay ** np.arange(len(changes))[::-1]
        weights = weights if plain else weights / weights.sum()
        centered = changes - changes.mean(axis=0) if plain else changes
        mean = changes.mean(axis=0) if plain else np.zeros(len(SYMBOLS))
        sigma = (centered * weights[:, None]).T @ centered
        draws = normals(seed, paths, len(SYMBOLS) + (0 if plain else 5))
        moved = np.linalg.cholesky(sigma) @ draws[:len(SYMBOLS)]
        if not plain:
            moved = moved * np.sqrt(3 / (draws[len(SYMBOLS):] ** 2).sum(axis=0))
        grown = (lambda r: r) if plain else np.expm1

        def scenarios(method: str, horizon: int) -> np.ndarray:
            if method == "monte_carlo":
                return grown(moved.T * math.sqrt(horizon) + mean * horizon)
            returns = ewma_scaled(changes, decay) if method == "filtered" else changes
            if plain or horizon == 1:
                return grown(returns * math.sqrt(horizon))
            return grown(np.lib.stride_tricks.sliding_window_view(returns, horizon, axis=0).sum(axis=2))

        def quantile(losses: np.ndarray, level: float) -> float:
            return float(np.quantile(losses, level, method="linear" if plain else "inverted_cdf"))

        kept = {(method, horizon): scenarios(method, horizon) for method in ("historical", "filtered", "monte_carlo") for horizon in horizons}
        found = result(tmp_path, name)
        assert len(found) == (1 + 3 + len(SYMBOLS)) * 4 * 2 * 2
        for row in found:
            inside = np.array([(row["desk"] in (None, DESK[s])) and row["asset"] in (None, s) for s in SYMBOLS])
            part, level, horizon = value * inside, row["level"], row["horizon"]
            assert close(row["value"], part.sum()) and row["as_of"].startswith(days[-1])
            if row["method"] == "parametric":
                z, drift, root = statistics.NormalDist().inv_cdf(level), part @ mean * horizon, math.sqrt(horizon)
                beyond = statistics.NormalDist().pdf(z) / (1 - level)
                own, whole = math.sqrt(part @ sigma @ part), math.sqrt(value @ sigma @ value)
                rest = value - part
                wanted = {"value_at_risk": z * own * root - drift, "expected_shortfall": beyond * own * root - drift,
                          "component_value_at_risk": z * (part @ sigma @ value) / whole * root - drift,
                          "component_expected_shortfall": beyond * (part @ sigma @ value) / whole * root - drift,
                          "incremental_value_at_risk": z * (whole - math.sqrt(max(0, rest @ sigma @ rest))) * root - drift}
            else:
                all_losses = -kept[row["method"], horizon] @ value
                losses = -kept[row["method"], horizon] @ part
                assert row["scenarios"] == len(losses)
                wanted = {"value_at_risk": quantile(losses, level), "expected_shortfall": shortfall(losses, level),
                          "incremental_value_at_risk": quantile(all_losses, level) - quantile(all_losses - losses, level)}
                order = np.argsort(-all_losses, kind="stable")
                size = (1 - level) * len(losses)
                tail = np.clip(size - np.arange(len(losses)), 0, 1) / size
                wanted["component_expected_shortfall"] = float(tail @ losses[order])
                if row["method"] != "monte_carlo" and not plain:
                    wanted["component_value_at_risk"] = losses[order[len(losses) - math.ceil(level * len(losses))]]
            wanted["marginal_value_at_risk"] = row["component_value_at_risk"] / row["value"]
            # Single precision normals: a millionth of the whole.
            tolerance = 3e-6 if row["method"] == "monte_carlo" else 1e-9
            for key, number in wanted.items():
                scale = 1.0 if key == "marginal_value_at_risk" else np.abs(value).sum() / 20
                assert close(row[key], number, tolerance, scale), (name, key, number, row)
        for row in (row for row in found if row["desk"] is None):
            for parts in ([r for r in found if r["desk"] and r["asset"] is None], [r for r in found if r["asset"]]):
                same = [r for r in parts if all(r[k] == row[k] for k in ("method", "horizon", "level"))]
                for key in ("component_value_at_risk", "component_expected_shortfall"):
                    assert close(sum(r[key] for r in same), row[key.removeprefix("component_")])


@needs_prices
def test_simulated_risk_is_what_it_is_exactly(tmp_path):
    """Of normal returns it is known without any path; so are the shares of parts, which paths only estimate."""
    days, prices = stocks(SYMBOLS)
    project(tmp_path, book_rows(days, prices), COLUMNS, {
        "out": f"{{name: value_at_risk, {BOOK}, by: asset, methods: [parametric, monte_carlo], levels: [0.95, 0.99], paths: 2000000}}"})
    lab.windrow(tmp_path, "run", "-q")
    rows = result(tmp_path, "out")
    found = {(row["asset"], row["level"], row["method"]): row for row in rows}
    for level in (0.95, 0.99):
        whole = found[None, level, "parametric"]
        for asset in [None, *SYMBOLS]:
            exact, drawn = found[asset, level, "parametric"], found[asset, level, "monte_carlo"]
            for key, bound in (("value_at_risk", 0.006), ("expected_shortfall", 0.006)):
                assert abs(drawn[key] - exact[key]) < bound * exact[key], (asset, key)
            for key in ("component_value_at_risk", "component_expected_shortfall"):
                assert abs(drawn[key] - exact[key]) < 0.02 * whole[key.removeprefix("component_")], (asset, key)


@needs_prices
def test_more_stocks_than_days(tmp_path):
    """Their covariance is singular, and nothing has to be repaired."""
    symbols = sorted({row.split(",")[6].strip() for row in gzip.open(DATA / "sp500_5yr_daily.csv.gz", "rt").read().splitlines()[1:]})[:150]
    days, prices = stocks(symbols)
    days, prices = days[-61:], prices[-61:]
    rows = [{"day": day, "asset": symbol, "desk": "d", "price": prices[i, j], "quantity": 10.0}
            for i, day in enumerate(days) for j, symbol in enumerate(symbols)]
    project(tmp_path, rows, COLUMNS, {
        "out": f"{{name: value_at_risk, {BOOK}, methods: [parametric, monte_carlo], levels: 0.95, paths: 400000}}"})
    lab.windrow(tmp_path, "run", "-q")
    parametric, drawn = sorted(result(tmp_path, "out"), key=lambda row: row["method"], reverse=True)
    value, sigma = prices[-1] * 10, np.cov((prices[1:] / prices[:-1] - 1).T)
    exact = statistics.NormalDist().inv_cdf(0.95) * math.sqrt(value @ sigma @ value)
    assert close(parametric["value_at_risk"], exact)
    assert abs(drawn["value_at_risk"] - exact) < 0.01 * exact


def test_currencies_with_missing_rates(tmp_path):
    file = DATA / "eurofxref-hist-to-2022.csv.gz"
    if not file.exists():
        pytest.skip("needs the rates of the data folder (WINDROW_DATA)")
    held = {"USD": 1000.0, "JPY": -90_000.0, "ISK": 200_000.0, "GBP": 400.0}
    with gzip.open(file, "rt") as lines:
        table = [row for row in csv.DictReader(lines) if "2018-01-01" <= row["Date"] <= "2019-12-31"][::-1]
    rates = np.array([[float(row[name]) if row[name] not in ("N/A", "") else math.nan for name in held] for row in table])
    prices = 1 / rates  # the euro value of one
    assert 0 < np.isnan(prices[:, 2]).sum() < len(table)  # the króna came back in 2018
    rows = [{"day": row["Date"], "asset": name, "desk": "fx", "price": None if math.isnan(prices[i, j]) else prices[i, j], "quantity": held[name]}
            for i, row in enumerate(table) for j, name in enumerate(held)]
    asked = f"{{name: value_at_risk, {BOOK}, by: asset, levels: 0.9, missing: "
    project(tmp_path, rows, COLUMNS, {"out": asked + "skip}"})
    lab.windrow(tmp_path, "run", "-q")
    whole = prices[~np.isnan(prices).any(axis=1)]
    losses = -(whole[1:] / whole[:-1] - 1) @ (whole[-1] * np.array(list(held.values())))
    total = result(tmp_path, "out")[-1]
    assert total["asset"] is None and total["scenarios"] == len(losses)
    assert close(total["value_at_risk"], float(np.quantile(losses, 0.9, method="inverted_cdf")))
    model = tmp_path / "models/silver/out.sql"
    model.write_text(model.read_text().replace("missing: skip", "missing: error"))
    refused = lab.windrow(tmp_path, "run", "-q", check=False)
    assert refused.returncode == 1
    missing = table[int(np.argmax(np.isnan(prices[:, 2])))]["Date"]
    assert f'operator "value_at_risk" has no price of "ISK" at {missing}' in refused.stderr + refused.stdout
    assert "models/silver/out.sql:2:" in refused.stderr + refused.stdout


@needs_prices
def test_stress_is_that_of_numpy(tmp_path):
    days, prices = stocks(SYMBOLS)
    project(tmp_path, book_rows(days, prices), COLUMNS, {
        "out": f"{{name: stress_test, {BOOK}, by: desk, returns: log, others: conditional, window: 250, "
               "scenarios: ['august: 2015-08-15/2015-08-25', 'oil: OXY=-20%, SLB=-0.25', 'all: *=-10%', 'some: JNJ=0.1, *=0']}"})
    lab.windrow(tmp_path, "run", "-q")
    value = prices[-1] * np.array([HOLDING[symbol] for symbol in SYMBOLS])
    at = {name: SYMBOLS.index(name) for name in ("OXY", "SLB", "JNJ")}
    start = max(i for i, day in enumerate(days) if day <= "2015-08-15")
    sigma = np.cov(np.diff(np.log(prices), axis=0)[-250:].T)
    oil = [at["OXY"], at["SLB"]]
    expected = np.expm1(sigma[:, oil] @ np.linalg.solve(sigma[np.ix_(oil, oil)], np.log1p([-0.2, -0.25])))
    only = np.zeros(len(SYMBOLS))
    only[at["JNJ"]] = 0.1
    moves = {"august": prices[days.index("2015-08-25")] / prices[start] - 1, "oil": expected, "all": np.full(len(SYMBOLS), -0.1), "some": only}
    found = result(tmp_path, "out")
    assert len(found) == 4 * 4
    for row in found:
        inside = np.array([row["desk"] in (None, DESK[symbol]) for symbol in SYMBOLS])
        assert close(row["profit"], (value * inside) @ moves[row["scenario"]]), row


@needs_prices
def test_a_backtest_follows_from_the_prices(tmp_path):
    days, prices = stocks(SYMBOLS)
    window, level = 250, 0.95
    project(tmp_path, book_rows(days, prices), COLUMNS, {
        "risk": f"{{name: value_at_risk, {BOOK}, by: desk, levels: {level}, window: {window}, as_of: each, methods: [historical, filtered]}}"})
    (tmp_path / "models/silver/tested.sql").write_text(
        f"/* windrow\noperator: {{name: var_backtest, time: as_of, profit: next_profit, value_at_risk: value_at_risk, level: {level}, by: [method, desk]}}\n*/\n"
        "SELECT as_of, method, desk, next_profit, value_at_risk FROM silver.risk\n")
    lab.windrow(tmp_path, "run", "-q")
    tested = result(tmp_path, "tested")
    assert len(tested) == 2 * 4
    for row in tested:
        holding = np.array([HOLDING[s] * (row["desk"] in (None, DESK[s])) for s in SYMBOLS])
        returns, exceptions = prices[1:] / prices[:-1] - 1, []
        for day in range(window, len(days) - 1):
            seen = returns[day - window:day]
            if row["method"] == "filtered":
                seen = ewma_scaled(seen, 0.94)
            at_risk = np.quantile(-seen @ (holding * prices[day]), level, method="inverted_cdf")
            exceptions.append(bool(holding @ (prices[day + 1] - prices[day]) < -at_risk))
        n, x, p = len(exceptions), sum(exceptions), 1 - level
        assert (row["observations"], row["exceptions"]) == (n, x)
        log = lambda count, share: count * math.log(share) if count else 0.0
        kupiec = 2 * (log(n - x, 1 - x / n) + log(x, x / n) - log(n - x, 1 - p) - log(x, p))
        pairs = list(zip(exceptions, exceptions[1:]))
        n00, n01, n10, n11 = (pairs.count((a, b)) for a in (False, True) for b in (False, True))
        alone = log(n00, n00 / (n00 + n01)) + log(n01, n01 / (n00 + n01)) + log(n10, n10 / (n10 + n11)) + log(n11, n11 / (n10 + n11))
        share = (n01 + n11) / len(pairs)
        follows = 2 * (alone - log(n00 + n10, 1 - share) - log(n01 + n11, share))
        cumulative = math.fsum(math.comb(n, i) * p ** i * (1 - p) ** (n - i) for i in range(x + 1))
        wanted = {"expected_exceptions": n * p, "kupiec_statistic": kupiec, "kupiec_p_value": math.erfc(math.sqrt(kupiec / 2)),
                  "independence_statistic": follows, "independence_p_value": math.erfc(math.sqrt(follows / 2)),
                  "conditional_coverage_statistic": kupiec + follows, "conditional_coverage_p_value": math.exp(-(kupiec + follows) / 2),
                  "cumulative_probability": cumulative}
        for key, number in wanted.items():
            assert close(row[key], number, 1e-8), (key, number, row)
        assert row["traffic_light"] == ("green" if cumulative < 0.95 else "yellow" if cumulative < 0.9999 else "red")


@needs_prices
def test_profits_give_what_prices_give(tmp_path):
    """Profits of positions, as another system values them, are as good as prices and quantities."""
    days, prices = stocks(SYMBOLS)
    value = prices[-1] * np.array([HOLDING[symbol] for symbol in SYMBOLS])
    profits = (prices[1:] / prices[:-1] - 1) * value
    rows = [{"day": day, "asset": symbol, "desk": DESK[symbol], "price": profits[i, j], "quantity": None}
            for i, day in enumerate(days[1:]) for j, symbol in enumerate(SYMBOLS)]
    project(tmp_path, rows, COLUMNS, {
        "out": "{name: value_at_risk, time: day, profit: price, by: desk, methods: [historical, filtered, parametric, monte_carlo], levels: 0.975}"})
    lab.windrow(tmp_path, "run", "-q")
    found = result(tmp_path, "out")
    assert len(found) == 4 * 4
    for row in found:
        inside = np.array([row["desk"] in (None, DESK[symbol]) for symbol in SYMBOLS])
        own = profits @ inside
        assert row["value"] is None and row["marginal_value_at_risk"] is None
        if row["method"] == "historical":
            assert close(row["value_at_risk"], float(np.quantile(-own, 0.975, method="inverted_cdf")))
            assert close(row["expected_shortfall"], shortfall(-own, 0.975))
        exact = statistics.NormalDist().inv_cdf(0.975) * own.std(ddof=1)
        if row["method"] == "parametric":
            assert close(row["value_at_risk"], exact)
        if row["method"] == "monte_carlo":
            assert abs(row["value_at_risk"] - exact) < 0.02 * exact


def test_expected_losses_are_those_of_numpy(tmp_path):
    """Ten thousand loans, in closed form and by another way of adding up."""
    rng = np.random.default_rng(20261130)
    n = 10_000
    loans = {"pd": rng.beta(1, 20, n), "then": rng.beta(1, 30, n), "lgd": rng.uniform(0, 1, n), "ead": rng.lognormal(10, 1, n).round(2),
             "years": rng.choice([0, 0.1, 0.5, 1, 2.37, 7, 30], n), "rate": rng.uniform(-0.01, 0.2, n), "days": rng.choice([0, 5, 29, 30, 89, 90, 400], n)}
    loans["pd"][:50] = 1
    rows = [{"id": i, **{key: float(values[i]) for key, values in loans.items()}} for i in range(n)]
    asked = "{name: expected_loss, pd: pd, origination_pd: then, lgd: lgd, ead: ead, maturity: years, rate: rate, days_past_due: days, low_credit_risk: 0.01, amortization: "
    project(tmp_path, rows, "{id: bigint, pd: double, then: double, lgd: double, ead: double, years: double, rate: double, days: double}",
            {"bullet": asked + "bullet}", "linear": asked + "linear}"})
    lab.windrow(tmp_path, "run", "-q")
    month = np.arange(361)
    at = np.minimum(month, loans["years"][:, None] * 12)  # the end of each month, no later than that of the loan
    alive = (1 - loans["pd"][:, None]) ** (at / 12)
    discount = (1 + loans["rate"][:, None]) ** (-at / 12)
    third = (loans["pd"] == 1) | (loans["days"] >= 90)
    second = ~third & ((loans["days"] >= 30) | ((loans["pd"] >= 2 * loans["then"]) & (loans["pd"] > 0.01)))
    for table in ("bullet", "linear"):
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.nan_to_num(1 - at / (loans["years"][:, None] * 12)) if table == "linear" else np.ones_like(at)
        marginal = -np.diff(alive, axis=1) * left[:, :-1] * discount[:, 1:]
        scale = loans["lgd"] * loans["ead"]
        year, life = scale * marginal[:, :12].sum(axis=1), scale * marginal.sum(axis=1)
        found = sorted(result(tmp_path, table), key=lambda row: row["id"])
        assert len(found) == n
        for i, row in enumerate(found):
            assert row["stage"] == (3 if third[i] else 2 if second[i] else 1), row
            wanted = [1 - alive[i, -1], year[i], life[i], life[i] if second[i] else year[i]] if not third[i] else [1, *[scale[i]] * 3]
            for key, number in zip(("lifetime_pd", "expected_loss_12_months", "expected_loss_lifetime", "expected_loss"), wanted, strict=True):
                assert close(row[key], float(number)), (table, key, number, row)


# --- scorecards ----------------------------------------------------------------------------------------------------

def isotonic(rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest rates that do not fall, by the minimax formula."""
    n = len(rates)
    sums, sizes = np.concatenate([[0], np.cumsum(rates * weights)]), np.concatenate([[0], np.cumsum(weights)])
    means = np.array([[(sums[k + 1] - sums[j]) / (sizes[k + 1] - sizes[j]) if k >= j else np.nan for k in range(n)] for j in range(n)])
    return np.array([max(np.nanmin(means[j, i:]) for j in range(i + 1)) for i in range(n)])


def woe(good: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, float]:
    weights = np.where(good + bad > 0, np.log((good + 0.5) / (good.sum() + 0.5) / ((bad + 0.5) / (bad.sum() + 0.5))), 0.0)
    return weights, float(((good / good.sum() - bad / bad.sum()) * weights).sum())


def numeric_bins(values: np.ndarray, bad: np.ndarray, most: int, least: float) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Upper ends, and good and bad of each; no value is missing."""
    distinct, index = np.unique(values, return_inverse=True)
    rows, bads = np.bincount(index), np.bincount(index, weights=bad)
    before = np.concatenate([[0], np.cumsum(rows)[:-1]])  # rows below each value
    group, start = np.zeros(len(distinct), int), 0
    for i in range(1, len(distinct)):
        group[i] = group[i - 1]
        if before[i] * most // len(values) > start * most // len(values):
            group[i], start = group[i - 1] + 1, before[i]
    size, bad_of = np.bincount(group, weights=rows), np.bincount(group, weights=bads)
    ends = [float(distinct[group == g].max()) for g in range(group[-1] + 1)]
    best = None
    for sign in (1, -1):
        level = isotonic(sign * bad_of / size, size)
        pooled = np.split(np.arange(len(size)), np.flatnonzero(np.diff(level) > 1e-12) + 1)
        parts = [(ends[p[-1]], size[p].sum(), bad_of[p].sum()) for p in pooled]
        while len(parts) > 1 and min(p[1] for p in parts) < least * len(values):
            i = min(range(len(parts)), key=lambda j: parts[j][1])
            rate = lambda j: parts[j][2] / parts[j][1]
            with_next = i == 0 or (i + 1 < len(parts) and abs(rate(i + 1) - rate(i)) < abs(rate(i - 1) - rate(i)))
            i = i if with_next else i - 1
            parts[i:i + 2] = [(parts[i + 1][0], parts[i][1] + parts[i + 1][1], parts[i][2] + parts[i + 1][2])]
        rows_of, bads_of = np.array([p[1] for p in parts]), np.array([p[2] for p in parts])
        told = woe(rows_of - bads_of, bads_of)[1]
        if best is None or told > best[0]:
            best = told, [p[0] for p in parts], rows_of - bads_of, bads_of
    return best[1], best[2], best[3]


def auc(score: np.ndarray, bad: np.ndarray) -> float:
    """How likely a bad one has a lower score than a good one."""
    ordered = np.sort(score[bad == 0])
    below, upto = np.searchsorted(ordered, score[bad == 1], "left"), np.searchsorted(ordered, score[bad == 1], "right")
    return float(1 - (below + upto).mean() / 2 / len(ordered))


def credit_rows(name: str) -> tuple[list[dict], list[str], list[str]]:
    """Loans with `bad`, which is taken from every row kept back; their numbers; their texts."""
    if name == "german":  # the file says 1 for good
        lines = gzip.open(DATA / "german_credit.ssv.gz", "rt").read().split("\n")
        names = lines[0].split()[:-1]
        rows = [dict(zip(names, words[:-1])) | {"known": 1 - int(words[-1])} for words in (line.split() for line in lines[1:]) if words]
        numbers = [n for n in names if rows[0][n].isdigit()]
    else:
        with gzip.open(DATA / "uci_credit_card_default.csv.gz", "rt") as lines:
            rows = [{key: value for key, value in row.items() if key not in ("ID", "Y")} | {"known": int(row["Y"])} for row in csv.DictReader(lines)]
        numbers = names = [f"X{i}" for i in range(1, 24)]
    for i, row in enumerate(rows):
        row |= {n: float(row[n]) for n in numbers} | {"id": i, "bad": row["known"] if i % 10 < 7 else None}
    return rows, numbers, [n for n in names if n not in numbers]


@pytest.mark.skipif(not (DATA / "german_credit.ssv.gz").exists(), reason="needs the loans of the data folder (WINDROW_DATA)")
@pytest.mark.parametrize(("name", "auc_least"), [("german", 0.74), ("uci", 0.75)])
def test_scorecards_are_what_they_have_to_be(tmp_path, name, auc_least):
    rows, numbers, texts = credit_rows(name)
    columns = json.dumps({n: "double" for n in numbers} | {n: "varchar" for n in texts} | {"id": "bigint", "bad": "bigint", "known": "bigint"})
    asked = f"{{name: scorecard, target: bad, features: {json.dumps(numbers + texts)}, bins: 15, penalty: 2, output: "
    project(tmp_path, rows, columns, {"scored": asked + "scores}", "card": asked + "card}"})
    lab.windrow(tmp_path, "run", "-q")
    learnt = [row for row in rows if row["bad"] is not None]
    bad = np.array([row["bad"] for row in learnt])
    card = {}
    for line in sorted(result(tmp_path, "card"), key=lambda line: (line["feature"], line["bin"])):
        card.setdefault(line["feature"], []).append(line)
    place = {}  # which bin of a feature a row is in
    for feature in numbers:
        ends, good_of, bad_of = numeric_bins(np.array([row[feature] for row in learnt]), bad, 15, 0.05)
        assert [(line["observations"], line["bad"]) for line in card[feature]] == [*zip(good_of + bad_of, bad_of), (0, 0)], feature
        place[feature] = lambda row, ends=ends[:-1], feature=feature: int(np.searchsorted(ends, row[feature], "left"))
    for feature in texts:
        counts = {value: sum(row[feature] == value for row in learnt) for value in {row[feature] for row in rows}}
        own = sorted(value for value in counts if counts[value] >= 0.05 * len(learnt))
        assert [line["label"] for line in card[feature]] == [*own, "other", "missing"]
        place[feature] = lambda row, own=own, feature=feature: own.index(row[feature]) if row[feature] in own else len(own)
    used = []
    for feature, lines in card.items():
        bads = np.array([line["bad"] for line in lines])
        weights, told = woe(np.array([line["observations"] for line in lines]) - bads, bads)
        assert np.allclose([line["weight_of_evidence"] for line in lines], weights, rtol=0, atol=1e-12)
        assert close(lines[0]["information_value"], told) and (lines[0]["coefficient"] is not None) == (told >= 0.02)
        if lines[0]["coefficient"] is not None:
            used.append(feature)
            assert np.array_equal([line["bin"] for line in lines], range(1, len(lines) + 1))
    assert len(used) >= 8
    scored = {row["id"]: row for row in result(tmp_path, "scored")}
    evidence = np.array([[card[f][place[f](row)]["weight_of_evidence"] for f in used] for row in rows])
    points = np.array([sum(card[f][place[f](row)]["points"] for f in used) for row in rows])
    score = np.array([scored[row["id"]]["score"] for row in rows])
    probability = np.array([scored[row["id"]]["probability_of_default"] for row in rows])
    assert np.allclose(score, points, rtol=0, atol=1e-8)
    assert np.allclose(probability, 1 / (1 + 50 * 2 ** ((score - 600) / 20)), rtol=1e-9, atol=0)
    # The coefficients are where nothing pulls: the sum to be made least has one such place alone.
    coefficient = np.array([card[f][0]["coefficient"] for f in used])
    kept = np.array([row["bad"] is not None for row in rows])
    rest = bad - probability[kept]
    assert abs(rest.sum()) < 1e-6 and np.abs(evidence[kept].T @ rest - 2 * coefficient).max() < 1e-6
    assert np.allclose(np.log(probability / (1 - probability)), evidence @ coefficient + (np.log(probability / (1 - probability)) - evidence @ coefficient)[0], atol=1e-9)
    known = np.array([row["known"] for row in rows])
    assert auc(score[~kept], known[~kept]) > auc_least

"""Operators beside the programs that they have to agree with."""
import json
import os
import pathlib
import random

import igraph
import lab
import vader

SEED = 20261130
PROJECT = "project: p\nenvironments: {dev: {lake: lake}}\n"
HEADER = "/* windrow\nbuild: table\noperator: {name: sentiment, text: text}\n*/\nSELECT id, text FROM bronze.rows\n"
SCORES = "SELECT id, sentiment_negative AS neg, sentiment_neutral AS neu, sentiment_positive AS pos, sentiment_score AS compound FROM silver.out ORDER BY id"

def words() -> list[str]:
    lexicon = [line.split("\t")[0] for line in (vader.folder() / "vader_lexicon.txt").read_text().splitlines() if line]
    emoji = [line.split("\t")[0] for line in (vader.folder() / "emoji_utf8_lexicon.txt").read_text().splitlines()]
    rules = ("but least very at never so this without doubt no nor or kind sort just of enough the shit bomb bad ass bus stop yeah right kiss death to "
             "die for beating heart not isn't ISN'T can't cannot very VERY hardly kinda most sort-of despite film İstanbul ΣΊΣΥΦΟΣ ǅ Ⅷ ⓐ straße "
             "\u212aind \u212aILL ʼn't \x1c \x85 \xa0 \u2003 \u3000 \u200b").split(" ")
    return lexicon * 3 + emoji[::3] + rules * 60


def texts_made() -> list[str]:
    rng, known = random.Random(SEED), words()
    out = []
    for _ in range(12_000):
        chosen = [rng.choice(known) for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 40]))]
        chosen = [word.upper() if rng.random() < 0.1 else word.title() if rng.random() < 0.1 else word for word in chosen]
        chosen = [rng.choice(["", "", "", "\"", "(", "'"]) + word + rng.choice(["", "", "", "", ".", "!", "!!", "?", "...", ",", ")", "😀"]) for word in chosen]
        out.append(rng.choice([" ", " ", " ", "  ", "\t", "\n", ""]).join(chosen))
    return out + ["".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(0xA0, 0xD7FF), rng.randrange(0x1F300, 0x1F6FF)])) for _ in range(30))
                  for _ in range(2_000)]


def project(folder: pathlib.Path, columns: dict[str, str], rows: list[dict], model: str) -> None:
    """One source of these rows, `bronze.rows`, and one model, `silver.out`."""
    (folder / "models/silver").mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "windrow.yaml").write_text(PROJECT)
    (folder / "sources/rows.yaml").write_text(f"source: bronze.rows\nfrom: {{files: rows.jsonl}}\ncolumns: {json.dumps(columns)}\n")
    (folder / "models/silver/out.sql").write_text(model)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_sentiment_is_that_of_the_reference_in_every_digit(tmp_path):
    titles = [str(film["Title"]) for film in json.loads(pathlib.Path(os.environ["MOVIES_JSON"]).read_text())]
    texts = titles + texts_made()
    project(tmp_path, {"id": "bigint", "text": "varchar"}, [{"id": i, "text": text} for i, text in enumerate(texts)], HEADER)
    lab.windrow(tmp_path, "run", "-q")
    found = json.loads(lab.windrow(tmp_path, "query", SCORES, "--json").stdout)
    assert len(found) == len(texts)
    other = [(text, ours, theirs) for text, ours, theirs in zip(texts, found, vader.judged(texts), strict=True)
             if any(ours[key] != theirs[key] for key in theirs)]
    assert not other, f"{len(other)} of {len(texts)}: {other[:3]}"


NETWORK = "/* windrow\noperator: {name: network, from: a, to: b, weight: w, seed: %d}\n*/\nSELECT a, b, w FROM bronze.rows\n"
NODES = "SELECT * FROM silver.out ORDER BY node"


def edges_made(nodes: int, groups: int) -> list[dict]:
    """Nodes in groups, with more edges within them than between, some told twice and both ways round, some loops."""
    rng = random.Random(SEED)
    out = []
    for _ in range(nodes * 4):
        a = rng.randrange(nodes)
        b = rng.randrange(a % groups, nodes, groups) if rng.random() < 0.8 else rng.randrange(nodes)
        out.append({"a": f"n{a:05}", "b": f"n{b:05}", "w": rng.choice([0.25, 0.5, 1, 3])})
    return out + out[:50] + [{"a": "alone", "b": "alone", "w": 1}, {"a": None, "b": "nobody", "w": 1}]


def modularity(graph: igraph.Graph, membership: list[int]) -> float:
    return graph.modularity(membership, weights="w")


def test_network_is_measured_as_igraph_measures_it(tmp_path):
    rows = edges_made(3_000, 25)
    project(tmp_path, {"a": "varchar", "b": "varchar", "w": "double"}, rows, NETWORK % 1)
    lab.windrow(tmp_path, "run", "-q")
    found = json.loads(lab.windrow(tmp_path, "query", NODES, "--json").stdout)
    graph = igraph.Graph()
    names = sorted({row[end] for row in rows if row["a"] and row["b"] for end in ("a", "b")})
    graph.add_vertices(names)
    kept = [row for row in rows if row["a"] and row["b"]]
    graph.add_edges([(row["a"], row["b"]) for row in kept], {"w": [row["w"] for row in kept]})
    graph.simplify(combine_edges="sum")
    assert [row["node"] for row in found] == names
    assert [row["degree"] for row in found] == graph.degree()
    assert all(row["strength"] == wanted for row, wanted in zip(found, graph.strength(weights="w"), strict=True))  # quarters are exact
    assert [row["core"] for row in found] == graph.coreness()
    ranks = graph.pagerank(damping=0.85, weights="w")
    assert max(abs(row["pagerank"] - wanted) for row, wanted in zip(found, ranks, strict=True)) < 1e-10
    components = graph.connected_components().membership
    assert len({(row["component"], wanted) for row, wanted in zip(found, components, strict=True)}) == len(set(components))

    communities = [row["community"] - 1 for row in found]
    for number in set(communities):
        assert graph.induced_subgraph([i for i, c in enumerate(communities) if c == number]).is_connected()
    igraph.set_random_number_generator(random.Random(SEED))
    theirs = max(modularity(graph, graph.community_leiden("modularity", weights="w", n_iterations=-1).membership) for _ in range(3))
    assert modularity(graph, communities) > theirs - 0.01
    sizes = [communities.count(number) for number in range(max(communities) + 1)]
    assert sizes == sorted(sizes, reverse=True)

    lab.windrow(tmp_path, "run", "-q", "--full-refresh")
    assert json.loads(lab.windrow(tmp_path, "query", NODES, "--json").stdout) == found

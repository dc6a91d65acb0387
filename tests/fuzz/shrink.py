"""Makes a failing case small, and a script of it."""
import copy
import json
import pathlib
import re
import shlex
import tempfile
import time

import play
import world


def fails(case: dict) -> str:
    """How it fails; empty where it does not."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        try:
            play.Play(case, pathlib.Path(folder)).all()
        except play.Failure as failure:
            return str(failure)
        except Exception:  # a case that is cut down may make no sense any more
            return ""
    return ""


def kind(why: str) -> str:
    """What is wrong, without names and numbers: a smaller case has to fail in the same way."""
    return re.sub(r"\b(bronze|silver|gold)\.\w+|\d+|\(.*", "", why.split("\n")[0])[:40]


def shrunk(case: dict, seconds: float) -> dict:
    """Drops steps, models, rows for as long as it still fails; so long at most."""
    end = time.monotonic() + seconds
    best = copy.deepcopy(case)
    wanted = kind(fails(best))
    if not wanted:
        return best

    def attempt(smaller: dict) -> bool:
        nonlocal best
        if time.monotonic() > end or kind(fails(smaller)) != wanted:
            return False
        best = smaller
        return True

    size = max(1, len(best["steps"]) // 2)
    while size >= 1 and time.monotonic() < end:
        at, dropped = 0, False
        while at < len(best["steps"]):
            smaller = copy.deepcopy(best)
            del smaller["steps"][at:at + size]
            if smaller["steps"] and attempt(smaller):
                dropped = True
            else:
                at += size
        size = size // 2 if not dropped or size > 1 else 0
    for model in list(best["models"]):
        if not any(model["name"] in (m["from"], m.get("other")) for m in best["models"]):
            smaller = copy.deepcopy(best)
            smaller["models"] = [m for m in smaller["models"] if m["name"] != model["name"]]
            attempt(smaller)
    for n, step in enumerate(best["steps"]):
        at = 0
        while step["do"] == "file" and at < len(best["steps"][n]["rows"]) and len(best["steps"][n]["rows"]) > 1:
            smaller = copy.deepcopy(best)
            del smaller["steps"][n]["rows"][at]
            if not attempt(smaller):
                at += 1
    return best


def script(case: dict, why: str) -> str:
    """The case as a shell script: what it does to the project, and what is wrong at its end."""
    lines = ["#!/usr/bin/env bash", *("# " + line for line in why.splitlines()), "set -u; D=$(mktemp -d); cd \"$D\"",
             "W=${WINDROW:?say where the program is}", "file() { mkdir -p \"$(dirname \"$1\")\"; cat > \"$1\"; }"]

    def file(name: str, text: str) -> None:
        lines.extend([f"file {shlex.quote(name)} <<'END'", text.rstrip("\n"), "END"])

    state = copy.deepcopy(case)
    names = {str(model["id"]): model for model in state["models"]}

    def named(words: list) -> str:
        return shlex.join(re.sub(r"\{(\d+)\}", lambda found: names[found[1]]["name"], word) for word in words)

    def models(*concerned: str) -> None:
        for model in state["models"]:
            if any(name in (model["name"], model["from"], model.get("other")) for name in concerned):
                file(world.model_path(model), world.model_text(state, model))

    for name, text in world.project_files(state).items():
        file(name, text)
    for step in case["steps"]:
        do = step["do"]
        if do == "file":
            file("in/" + step["name"], "".join(json.dumps(dict(zip(world.EVENTS, row))) + "\n" for row in step["rows"]))
        elif do == "seed":
            file("seeds/names.csv", world.seed_text(step["names"]))
        elif do == "edit":
            model = names[str(step["model"])]
            model["cut"] = step["cut"]
            file(world.model_path(model), world.model_text(state, model))
        elif do == "rename":
            model = names[str(step["model"])]
            former, model["name"], model["formerly"] = model["name"], step["to"], model["name"]
            for other in state["models"]:
                other |= {key: step["to"] for key in ("from", "other") if other.get(key) == former}
            if step["settled"] or "days" in state:
                lines.append("$W run -q")
            lines.append(f"rm models/{former.replace('.', '/')}.sql")
            models(step["to"])
        elif do == "restore":
            name = named([step["table"]])
            lines.append(f"v=$(ls lake/{name.replace('.', '/')}/_delta_log/*.json | tail -1 | xargs basename -s .json); v=$((10#$v - {step['back']}))")
            lines.append(f"$W table restore {name} --version $((v < 0 ? 0 : v))")
        elif do == "retain":
            lines.append(f"days=$(( ($(date +%s) - $(date +%s -d {step['day']})) / 86400 ))")
            state["days"] = "DAYS"
            file("windrow.yaml", world.project_files(state)["windrow.yaml"])
            lines.append("sed -i s/DAYSd/${days}d/ windrow.yaml; $W lake retain")
        elif do == "backfill":
            lines.append(f"$W backfill {step['start']} {step['end']} --only {step.get('only', 'all')} -q")
        elif do == "kill":
            lines.append(f"timeout -s KILL {step['after']} $W run -q {shlex.join(step['words'])}")
        elif do == "two":
            lines.append("$W run -q & $W run -q; wait")
        elif do == "settle":
            lines.append("$W run -q; $W plan")
        elif do in ("run", "table"):
            lines.append(f"$W {do} -q {named(step['words'])}")
    lines.extend(f"echo {m['name']}; $W query 'FROM {m['name']} ORDER BY ALL'" for m in state["models"])
    return "\n".join(lines) + "\n"

"""python tests/fuzz --steps 2000 --seed 7: plays cases until so many steps are played. Failures are made small and kept in build/fuzz/."""
import argparse
import concurrent.futures
import json
import pathlib
import random
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import play  # noqa: E402
import shrink  # noqa: E402
import steps  # noqa: E402

KEPT = pathlib.Path(__file__).resolve().parents[2] / "build/fuzz"


def one(seed: int, length: int, shrink_seconds: float) -> tuple[int, int, int, str]:
    """Seed, steps played, tables compared, and where the failure lies; empty where all is well."""
    case = steps.draw_case(seed, length)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        game = play.Play(case, pathlib.Path(folder))
        try:
            game.all()
            return seed, game.played, game.compared, ""
        except play.Failure as failure:
            why = str(failure)
        except Exception:
            why = f"the player itself failed\n{traceback.format_exc()}"
    case["steps"] = case["steps"][:game.played + 1]
    small = shrink.shrunk(case, shrink_seconds) if shrink_seconds else case
    why = shrink.fails(small) or why + "\n(not every time)"
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{seed}.json").write_text(json.dumps(small))
    path = KEPT / f"{seed}.sh"
    path.write_text(shrink.script(small, f"seed {seed}: {why}"))
    return seed, game.played, game.compared, f"{path}\n{why}"


def campaign(total: int, first_seed: int, length: int, jobs: int, shrink_seconds: float, most: int = 5) -> list[str]:
    """Plays cases until so many steps are played, or so many have failed; gives the failures."""
    failures, played, compared, begun, shown = [], 0, 0, time.monotonic(), 0.0
    seeds = iter(range(first_seed, first_seed + 10**9))
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(one, next(seeds), length, shrink_seconds) for _ in range(jobs)}
        while running:
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                seed, steps_played, tables, failure = future.result()
                played, compared = played + steps_played, compared + tables
                if failure:
                    failures.append(failure)
                    print(f"seed {seed}: {failure}", flush=True)
                if played + len(running) * length < total and len(failures) < most:
                    running.add(pool.submit(one, next(seeds), length, shrink_seconds))
            now = time.monotonic()
            if now - shown > 10 or not running:
                shown = now
                left = (total - played) * (now - begun) / max(1, played)
                print(f"{played} of {total} steps, {compared} tables compared, {len(failures)} failures, about {max(0, left):.0f} s left",
                      file=sys.stderr, flush=True)
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, help="of the first case; the next ones follow it")
    parser.add_argument("--length", type=int, default=26, help="steps of a case")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--shrink", type=float, default=120, metavar="SECONDS")
    parser.add_argument("--replay", metavar="JSON", help="play a kept case once")
    words = parser.parse_args()
    if words.replay:
        why = shrink.fails(json.loads(pathlib.Path(words.replay).read_text()))
        print(why or "all is well")
        return 1 if why else 0
    seed = words.seed if words.seed is not None else random.SystemRandom().randrange(10**6) * 1000
    print(f"seed {seed}", file=sys.stderr)
    return 1 if campaign(words.steps, seed, words.length, words.jobs, words.shrink) else 0


if __name__ == "__main__":
    sys.exit(main())

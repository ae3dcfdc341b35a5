"""What a lookup that hits costs, next to libmicrohttpd with nothing behind it.

CPU time of the server a request; one loop on one processor, wrk with 64 connections on another, keys at random
over all overrides."""
import argparse
import contextlib
import hashlib
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import measure  # noqa: E402

COST_MAX = 1.15  # x of the baseline, at the middle size
P99_MAX = 1.3
SIZE_MAX = 1.10  # any size to the smallest, beyond what a bare array of that size costs
BATCH = 1000
BATCH_MIN = 10  # x the keys a CPU second of single lookups
SIZES = (1000, 1000000)
CONNECTIONS = 64
BATCH_CONNECTIONS = 8
TOKENS = 16  # of the instance that wants one
SECRET = "wp_secret-of-relay-7"


def seed():
    return time.monotonic_ns() % 2**31


def ask(pid, port, path, keys, seconds, **more):
    return lambda: measure.Load(pid, port, measure.KEYS_LUA, seconds, CONNECTIONS, path=path, keys=keys, seed=seed(),
                                **more)


def ask_batch(pid, port, path, keys, seconds):
    return lambda: measure.Load(pid, port, measure.BATCH_LUA, seconds, BATCH_CONNECTIONS, path=path, keys=keys,
                                batch=BATCH, seed=seed())


def token_file(folder):
    path = pathlib.Path(folder) / "tokens"
    path.write_text("".join(
        f"relay-{number} reader {hashlib.sha256(f'wp_secret-of-relay-{number}'.encode()).hexdigest()}\n"
        for number in range(TOKENS)))
    return str(path)


def contestants_of(stack, folder, sizes, seconds):
    """-> baselines, singles {(size, path): contestant}, batches {size: contestant}"""
    baselines, singles, batches = {}, {}, {}
    for mode in ("shared", "made"):
        bare = measure.Baseline("baseline_http", mode)
        stack.callback(bare.stop)
        baselines[mode] = measure.Contestant(f"bare libmicrohttpd, reply {mode}",
                                             ask(bare.pid, bare.port, "/resolve/", sizes[0], seconds))
    tokens = token_file(folder)
    for size in sizes:
        running = stack.enter_context(measure.waypost(folder, measure.database_of(folder, size)))
        pid, port = running.process.pid, running.port
        for path in ("/resolve/", "/mx/"):
            singles[size, path] = measure.Contestant(f"{path}{{key}}, {size:,} overrides",
                                                     ask(pid, port, path, size, seconds))
        guarded = stack.enter_context(measure.waypost(folder, measure.database_of(folder, size), "--tokens", tokens))
        singles[size, "with a token, /resolve/"] = measure.Contestant(
            f"/resolve/{{key}} with a token of {TOKENS}, {size:,} overrides",
            ask(guarded.process.pid, guarded.port, "/resolve/", size, seconds, token=SECRET))
        batches[size] = measure.Contestant(f"POST /resolve, {BATCH} keys, {size:,} overrides",
                                           ask_batch(pid, port, "/resolve", size, seconds))
    return baselines, singles, batches


def judge(sizes, baselines, singles, batches):
    made = baselines["made"]
    verdict = measure.Verdict()
    for (size, path), one in singles.items():
        verdict.at_most(f"{path} at {size:,}, CPU to the baseline's", one.cost / made.cost, COST_MAX)
        verdict.at_most(f"{path} at {size:,}, p99 to the baseline's", one.p99_ms / made.p99_ms, P99_MAX)
    for size in sizes:
        keys = singles[size, "/resolve/"].cost / (batches[size].cost / BATCH)
        verdict.at_least(f"keys a CPU second at {size:,}, a batch to single lookups", keys, BATCH_MIN)
    return verdict.is_kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each turn")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of overrides")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        baselines, singles, batches = contestants_of(stack, folder, sizes, options.seconds)
        measure.take_turns([*baselines.values(), *singles.values(), *batches.values()], options.rounds)
    measure.table("a lookup that hits", [*baselines.values(), *singles.values()], baselines["made"])
    measure.table("many at a time", [*batches.values()], baselines["made"], per=BATCH, unit="key")
    return 0 if judge(sizes, baselines, singles, batches) else 1


if __name__ == "__main__":
    sys.exit(main())

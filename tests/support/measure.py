"""What the measurements of tests/bench share: pinned processes, their CPU time, load by wrk, and tables.

The servers run on the first processor and the load on the others, so that what is read is the servers' own
time. Contestants take turns, and each figure is the median of its turns."""
import contextlib
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile

from contract import Contract
from program import ROOT, Waypost, binary, environment

SERVER_CPU = 0
LOAD_CPU = os.cpu_count() - 1
NO_DNS = "127.0.0.1:1"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}

# Paths at random over all keys; u0000042.bench.example has the target mx42.target.example.
KEYS_LUA = """
local path, count = os.getenv("BENCH_PATH"), tonumber(os.getenv("BENCH_KEYS"))
function init(args)
  math.randomseed(tonumber(os.getenv("BENCH_SEED")))
  if os.getenv("BENCH_TOKEN") then wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN") end
end
function request()
  return wrk.format("GET", path .. string.format("u%07d.bench.example", math.random(0, count - 1)))
end
"""

# Some bodies, made once, of BENCH_BATCH keys at random.
BATCH_LUA = """
local path, count = os.getenv("BENCH_PATH"), tonumber(os.getenv("BENCH_KEYS"))
local size, requests, turn = tonumber(os.getenv("BENCH_BATCH")), {}, 0
function init(args)
  math.randomseed(tonumber(os.getenv("BENCH_SEED")))
  for number = 1, 64 do
    local keys = {}
    for i = 1, size do keys[i] = string.format('"u%07d.bench.example"', math.random(0, count - 1)) end
    requests[number] = wrk.format("POST", path, {["Content-Type"] = "application/json"},
                                  '{"keys":[' .. table.concat(keys, ",") .. "]}")
  end
end
function request() turn = turn % #requests + 1; return requests[turn] end
"""


def key_of(number):
    return f"u{number:07d}.bench.example"


def target_of(number):
    return f"mx{number % 64}.target.example"


def cpu_seconds(pid):
    """User and system time of all threads that live."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pin(pid, *processors):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), processors)


class Load:
    """One run of wrk: `cost` is microseconds of the server's CPU time a request."""

    def __init__(self, pid, port, script, seconds, connections, **values):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            before = cpu_seconds(pid)
            done = subprocess.run(
                ["taskset", "-c", str(LOAD_CPU), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
                 "-s", file.name, f"http://127.0.0.1:{port}"], capture_output=True, text=True, timeout=seconds + 60,
                env={**environment(), **{f"BENCH_{name.upper()}": str(value) for name, value in values.items()}})
            used = cpu_seconds(pid) - before
        assert done.returncode == 0, done.stderr
        assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
        self.requests = int(re.search(r"(\d+) requests in", done.stdout).group(1))
        self.cost = used / self.requests * 1e6
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
        value, unit = re.search(r"99%\s+([\d.]+)([a-z]+)", done.stdout).groups()
        self.p99_ms = float(value) * UNITS[unit]


class Baseline:
    """A program of tests/bench that prints its port, and ends when its standard input does."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CPU), str(program(name)), *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


def program(name):
    """One of the programs of tests/bench, built beside waypost."""
    path = binary().parent / "tests" / "bench" / name
    assert path.exists(), f"{path} is missing: ./dev bench builds it"
    return path


def database_of(folder, count):
    """An SQLite file with so many overrides, put in behind the program's back. -> its URL"""
    path = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "overrides.db"
    url = f"sqlite:{path}"
    subprocess.run([str(binary()), "migrate", "--database", url], check=True, env=environment(),
                   stderr=subprocess.DEVNULL)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.executemany(
            "INSERT INTO dns_overrides (lookup_key, target_host, revision, created_at, updated_at)"
            " VALUES (?, ?, 1, 1767225600000000, 1767225600000000)",
            ((key_of(number), target_of(number)) for number in range(count)))
        database.execute("UPDATE override_state SET n = 1, low = 1, history_low = 1")
    return url


@contextlib.contextmanager
def waypost(folder, url, *arguments, loops=1, dns=NO_DNS, processors=(SERVER_CPU,), seconds=120):
    """A running instance, pinned and ready."""
    home = pathlib.Path(tempfile.mkdtemp(dir=folder))
    running = Waypost(home, Contract(ROOT / "openapi.yaml"), url, dns, ("--log-lookups", "none", *arguments),
                      threads=loops)
    try:
        pin(running.process.pid, *processors)
        yield running.wait_ready(seconds)
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


class Contestant:
    """`run()` -> Load; the runs are kept."""

    def __init__(self, name, run):
        self.name = name
        self.run = run
        self.loads = []

    @property
    def cost(self):
        return statistics.median(load.cost for load in self.loads)

    @property
    def rate(self):
        return statistics.median(load.rate for load in self.loads)

    @property
    def p99_ms(self):
        return statistics.median(load.p99_ms for load in self.loads)

    def spread(self, per):
        costs = [load.cost / per for load in self.loads]
        return f"{min(costs):.2f}-{max(costs):.2f}"


def take_turns(contestants, rounds):
    for _ in range(rounds):
        for contestant in contestants:
            contestant.loads.append(contestant.run())


def table(title, contestants, baseline, per=1, unit="request"):
    """In Markdown, as docs/benchmarks.md shows it."""
    print(f"\n| {title} | CPU per {unit} | spread | x of baseline | requests/s | p99 |\n|---|---|---|---|---|---|")
    for one in contestants:
        print(f"| {one.name} | {one.cost / per:.2f} us | {one.spread(per)} | {one.cost / per / baseline.cost:.2f} |"
              f" {one.rate:.0f} | {one.p99_ms:.2f} ms |")


class Verdict:
    """Promises, each a number and its bound; all are printed, and the whole fails when one is broken."""

    def __init__(self):
        self.is_kept = True

    def at_most(self, what, value, bound):
        self._say(what, value, "at most", bound, value <= bound)

    def at_least(self, what, value, bound):
        self._say(what, value, "at least", bound, value >= bound)

    def _say(self, what, value, how, bound, is_kept):
        print(f"{'kept' if is_kept else 'BROKEN'}: {what}: {value:.2f}, promised {how} {bound:g}")
        self.is_kept = self.is_kept and is_kept

"""Lookups go on while somebody attacks, and what the attack takes has a bound.

The machine that runs this is small and busy, and the attacker runs on it, too; so no rate is compared with another
one's. What is asserted is

- for attacks that only sit there (slow, idle, greedy): a lookup of somebody else costs the program at most a quarter
  more of its own processor time, all that it spends on the attack included: so of what there is for it, at least
  80 % go on to be lookups;
- for attacks that keep it busy (huge heads, pipelining, JSON, floods): they get their share and no more. A connection
  that looks up gets about as many answers as one that attacks, or more; half as many would be too few;
- for all: memory and descriptors stay below what the limits say, and descriptors are as before afterwards.

Each cost is the best of several windows, before and after the attack and during it: a busy machine makes windows
worse and none better."""
import contextlib
import pathlib
import re
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import attackers  # noqa: E402
from contract import Contract  # noqa: E402
from http_client import eventually  # noqa: E402
from program import ROOT, Waypost  # noqa: E402

LOAD = ROOT / "build" / "dev" / "tests" / "attack" / "attack_load"
ASKERS = 8  # connections that look up
WINDOW_MS = 400
WINDOWS = 3
WINDOWS_MOST = 9  # before the worst is believed
SHARE = 0.8
ROWS, COMMENT = 1000, "x" * 1000
KIB, MIB = 1 << 10, 1 << 20
A_CONNECTION = 48 * KIB  # libmicrohttpd's pool and what belongs to it
LINGERING = 2 * 64  # API_LINGER_MAX, a loop
FILES = 8  # that the database opens when it is first needed
FAIR = 0.5  # the attack also runs while no window does
SLACK = 48 * MIB  # what stays with the allocator, and queues
ANSWER_MEMORY = BODY_MEMORY = 128 * MIB
ATTACKED_SECONDS = 20


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waypost")
    program = Waypost(folder, Contract(ROOT / "openapi.yaml"), f"sqlite:{folder}/waypost.db", "127.0.0.1:1",
                      ("--max-body-memory", f"{BODY_MEMORY // MIB}MiB", "--log-lookups", "none",
                       "--max-answer-memory", f"{ANSWER_MEMORY // MIB}MiB")).wait_ready()
    with contextlib.closing(program.client.held()) as client:
        for number in range(ROWS):
            client.request("PUT", f"/overrides/k{number}.example", {"target_host": "192.0.2.1", "comment": COMMENT},
                           check=False)
    yield program
    program.stop()


def lookups(program):
    """Those of one window."""
    host, _, port = program.addresses[0].rpartition(":")
    run = subprocess.run([LOAD, host, port, str(ASKERS), str(WINDOW_MS), "/resolve/k1.example"], capture_output=True,
                         text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def processor_seconds(program):
    """That the program has used, all its threads; clock_getcpuclockid(3) makes the clock's number so."""
    return time.clock_gettime(~program.process.pid << 3 | 2)


def cost(program):
    """Microseconds of the program's processor time for a lookup, in one window."""
    before = processor_seconds(program)
    count = lookups(program)
    return (processor_seconds(program) - before) * 1e6 / count


def descriptors(program):
    return len(list(pathlib.Path(f"/proc/{program.process.pid}/fd").iterdir()))


def resident(program):
    status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * KIB


class Attacker:
    def __init__(self, program, name):
        self.process = subprocess.Popen([sys.executable, "-B", HERE / "attackers.py", name, program.addresses[0]],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line == "ready\n", line

    def stop(self):
        """-> answers, connections"""
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return [int(number) for number in said.split()]


@contextlib.contextmanager
def attacked(program, name, connections, memory):
    """Holds what the attack takes against its bounds, while it stands and afterwards."""
    before, had = descriptors(program), resident(program)
    attacker = Attacker(program, name)
    try:
        yield attacker
        taken, grown = descriptors(program) - before, resident(program) - had
        print(f"{name}: {grown / MIB:.0f} MiB and {taken} descriptors more")
        assert grown <= connections * A_CONNECTION + memory + SLACK
        assert taken <= connections + ASKERS + LINGERING + FILES
    finally:
        attacker.said = attacker.stop()
    eventually(lambda: descriptors(program) <= before + FILES, ATTACKED_SECONDS, "as many descriptors as before")


SITTING = [
    ("slow_heads", attackers.SLOW_HEADS, 0),
    ("slow_bodies", attackers.SLOW_BODIES, 0),
    ("slow_readers", attackers.SLOW_READERS, ANSWER_MEMORY),
    ("idle", attackers.IDLE, 0),
    ("greedy_bodies", attackers.GREEDY, BODY_MEMORY),
]


@pytest.mark.parametrize("name, connections, memory", SITTING)
def test_lookups_cost_as_before(program, name, connections, memory):
    quiet = [cost(program) for _ in range(WINDOWS)]
    with attacked(program, name, connections, memory):
        meanwhile = [cost(program) for _ in range(WINDOWS)]
        while min(quiet) < SHARE * min(meanwhile) and len(meanwhile) < WINDOWS_MOST:
            meanwhile.append(cost(program))
    print(f"{name}: {min(quiet):.1f} us a lookup, {min(meanwhile):.1f} us under attack")
    assert min(quiet) >= SHARE * min(meanwhile), (quiet, meanwhile)
    for gauge in ("body_bytes", "answer_bytes"):
        eventually(lambda: program.metrics()[f"waypost_http_{gauge}"] == 0, what=f"{gauge} as before")


BUSY = ["huge_heads", "pipelining", "json_bombs", "connections"]


@pytest.mark.parametrize("name", BUSY)
def test_no_attack_is_served_before_a_lookup(program, name):
    with attacked(program, name, attackers.CLOSED_LOOP, attackers.CLOSED_LOOP * 8 * MIB) as attacker:
        counts = [lookups(program) for _ in range(WINDOWS)]
    answers, connections = attacker.said
    print(f"{name}: {sum(counts) / ASKERS:.0f} lookups, {answers / connections:.0f} answers to the attack, "
          "to each connection")
    assert sum(counts) / ASKERS >= FAIR * answers / connections


def test_it_goes_on(program):
    """After all of these."""
    assert program.client.get("/resolve/k1.example").json()["target_host"] == "192.0.2.1"
    assert program.client.set("example.org", "10.0.0.5").status == 201

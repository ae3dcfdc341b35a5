"""The real program as a child process, its log, and what must hold when it ends."""
import os
import pathlib
import re
import signal
import socket
import subprocess

from http_client import Client, eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
SANITIZER = re.compile(r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|MemorySanitizer")
PAIR = re.compile(r'([a-z][a-z0-9_.]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')


def binary():
    path = pathlib.Path(os.environ.get("WAYPOST_BINARY", "build/dev/waypost"))
    return path if path.is_absolute() else ROOT / path


def environment(**more):
    """Ours without any option of the program, so that only its command line counts."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("WAYPOST_")}
    return {**kept, **more}


def run(*arguments, seconds=10, env=None, cwd=None):
    """Runs the program to its end."""
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True,
                          timeout=seconds, env=env or environment(), cwd=cwd)


def log_line(line):
    """The pairs of one log line; fails if it is anything else than key=value pairs."""
    pairs, place = {}, 0
    while place < len(line):
        match = PAIR.match(line, place)
        assert match, f"not key=value at column {place}: {line!r}"
        value = match.group(2)
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        assert match.group(1) not in pairs, f"{match.group(1)} occurs twice: {line!r}"
        pairs[match.group(1)] = value
        place = match.end()
        assert place == len(line) or line[place] == " ", f"no blank at {place}: {line!r}"
        place += 1
    for name in ("time", "level", "event"):
        assert name in pairs, f"no {name}: {line!r}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", pairs["time"]), line
    assert pairs["level"] in ("error", "warn", "notice", "info", "debug"), line
    return pairs


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Waypost:
    """One running `waypost serve`."""

    def __init__(self, folder, contract, database, dns, arguments=(), listen=("127.0.0.1:0",),
                 threads=2, env=None, ignores_file_limit=False, by=()):
        """`ignores_file_limit`: writes over RLIMIT_FSIZE fail instead of ending it. `by`: a command that
        becomes the one behind it, with other limits."""
        self.folder = pathlib.Path(folder)
        self.contract = contract
        self.database = database
        port_file = self.folder / "ports"
        port_file.unlink(missing_ok=True)
        self.stderr_path = self.folder / "stderr"
        command = [*by, str(binary()), "serve"]
        for address in listen:
            command += ["--listen", address]
        command += ["--port-file", str(port_file), "--database", database, "--dns", dns,
                    "--threads", str(threads), "--dns-timeout", "2s", "--log-lookups", "all", *arguments]
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=stderr,
                                            env=env or environment(),
                                            restore_signals=not ignores_file_limit)
        try:
            eventually(lambda: self._has_ports(port_file, len(listen)), what="listening")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.addresses = port_file.read_text().split()
        self.client = Client(self.addresses[0], contract)
        self.ended = False

    def _has_ports(self, port_file, count):
        assert self.process.poll() is None, (
            f"ended with {self.process.returncode}:\n{self.stderr_path.read_text()}")
        return port_file.exists() and len(port_file.read_text().split()) == count

    @property
    def port(self):
        return int(self.addresses[0].rpartition(":")[2])

    def is_ready(self):
        return self.client.get("/readyz").status == 200

    def wait_ready(self, seconds=20):
        eventually(self.is_ready, seconds, "readiness")
        return self

    def readiness(self):
        answer = self.client.get("/readyz")
        return answer.json()

    def log(self, event=None, level=None):
        """The log so far, as dictionaries; a line that is being written is left out."""
        text = self.stderr_path.read_text("utf-8")
        lines = [log_line(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        return [line for line in lines
                if event in (None, line["event"]) and level in (None, line["level"])]

    def metrics(self, **headers):
        """name{labels} -> value"""
        values = {}
        for line in self.client.get("/metrics", **headers).text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def kill(self):
        """kill -9"""
        self.process.kill()
        self.process.wait()
        self.ended = True

    def stop(self, signal_number=signal.SIGTERM):
        """Asks it to stop and holds it to what it promises about that."""
        if self.ended:
            return
        self.ended = True
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {STOP_SECONDS} s:\n{self._tail()}") from None
        report = self.stderr_path.read_text("utf-8", "replace")
        assert not SANITIZER.search(report), report[-8000:]
        assert code == 0, f"exit code {code}:\n{self._tail()}"
        self.log()  # every line parses

    def _tail(self):
        return self.stderr_path.read_text("utf-8", "replace")[-4000:]

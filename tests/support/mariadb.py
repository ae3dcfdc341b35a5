"""A private MariaDB server for tests; mariadb-up.sh starts it."""
import contextlib
import itertools
import os
import pathlib
import shlex
import signal
import subprocess
import urllib.parse

from http_client import eventually

SUPPORT = pathlib.Path(__file__).resolve().parent


class Session:
    def __init__(self, process):
        self.process = process

    def run(self, statements):
        """Returns when they are done."""
        self.process.stdin.write(statements + "\nSELECT 'done';\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == "done\n":
                return
        raise AssertionError("the session has ended")


class MariaDB:
    """`port`: where it will listen; None: a free one is taken at the first start. `options`: more of
    mariadbd's. `durable`: what it has acknowledged is on the disk."""

    def __init__(self, folder, port=None, options=(), durable=False):
        self.folder = pathlib.Path(folder)
        self.port = port
        self.options = list(options)
        self.durable = durable
        self.pid = None
        self.socket = None
        self._numbers = itertools.count(1)

    def start(self):
        """Starts it, again if it was killed; returns when it answers."""
        done = subprocess.run([str(SUPPORT / "mariadb-up.sh"), str(self.folder), str(self.port or "free"),
                               *self.options], capture_output=True, text=True, timeout=90,
                              env={**os.environ, **({"DURABLE": "1"} if self.durable else {}),
                                   # one that watches is enough: it ends whichever server runs then
                                   "WATCH": str(os.getpid()) if self.pid is None else ""})
        assert done.returncode == 0, done.stderr
        values = dict(word.split("=", 1) for word in shlex.split(done.stdout))
        self.pid = int(values["MDB_PID"])
        self.socket = values["MDB_SOCKET"]
        self.port = int(values["MDB_PORT"])
        return self

    def is_alive(self):
        try:
            state = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        return state != "Z"

    def kill(self):
        """kill -9; returns when it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        eventually(lambda: not self.is_alive(), what="the end of mariadbd")

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def stop(self):
        if self.pid and self.is_alive():
            self.thaw()
            subprocess.run([str(SUPPORT / "mariadb-down.sh"), str(self.folder)], check=True,
                           capture_output=True, timeout=60)

    def new_database(self):
        """-> the name of an empty database of its own."""
        name = f"test_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4; GRANT ALL ON {name}.* TO waypost")
        return name

    def url(self, database, user="waypost", password="waypost", hosts=None):
        """`hosts`: HOST:PORT of other doors to it, in turn."""
        quote = urllib.parse.quote
        doors = ",".join(hosts or [f"127.0.0.1:{self.port}"])
        return f"mariadb://{quote(user)}:{quote(password)}@{doors}/{database}"

    def _client(self, database, user="admin"):
        return ["mariadb", "--no-defaults", "-S", self.socket, "-u", user, f"-p{user}", "--batch", "--unbuffered",
                "--skip-column-names", "--default-character-set=utf8mb4", database]

    @contextlib.contextmanager
    def session(self, database, user="admin"):
        """A connection that stays, for transactions that stay open; what is open is rolled back at its end."""
        with subprocess.Popen(self._client(database, user), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as process:
            yield Session(process)
            process.kill()

    def sql(self, statements, database="waypost"):
        """Runs statements with the command-line client. -> rows of the last one, as texts."""
        done = subprocess.run(self._client(database), input=statements, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{statements[:500]}\n{done.stderr}"
        return [line.split("\t") for line in done.stdout.splitlines()]

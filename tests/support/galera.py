"""Three MariaDB nodes that form one Galera cluster on loopback, for tests.

A process that is root cannot run them: rsync's daemon, by which a node gets its data, would give up
root for a user that may not write them. So as root they run as the user of Debian's package, in a
folder that this user may enter."""
import contextlib
import grp
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.parse

from http_client import eventually
from mariadb import Session

NODES = 3
START_SECONDS = 90  # for a node to join, with a copy of all data
STOP_SECONDS = 60
SQL_SECONDS = 30
ACCOUNT = "mysql"  # that Debian's mariadb-server makes
PATH = os.environ.get("PATH", "") + ":/usr/sbin"  # where mariadbd lies, and where not every user looks
PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
PORT_FIRST, PORT_LAST = 20000, 32000  # below the ports that the kernel gives away
PORTS_EACH = 4

# A dead node is noticed after 2 s, not after 5 s as by default: tests should not wait.
TIMING = {
    "evs.keepalive_period": "PT0.5S", "evs.inactive_check_period": "PT0.5S", "evs.suspect_timeout": "PT2S",
    "evs.inactive_timeout": "PT4S", "evs.install_timeout": "PT4S",
}
OPTIONS = """--skip-name-resolve --performance-schema=OFF --table-open-cache=64
    --innodb-buffer-pool-size=64M --innodb-log-file-size=8M --key-buffer-size=1M --aria-pagecache-buffer-size=1M
    --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync --skip-innodb-doublewrite
    --innodb-buffer-pool-load-at-startup=0 --innodb-buffer-pool-dump-at-shutdown=0
    --innodb-autoinc-lock-mode=2 --binlog-format=ROW --default-storage-engine=InnoDB
    --character-set-server=utf8mb4 --wsrep-on=ON --wsrep-cluster-name=waypost --wsrep-sst-method=rsync
    --wsrep-slave-threads=2""".split()
ACCOUNTS = """
CREATE DATABASE waypost CHARACTER SET utf8mb4;
DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
FLUSH PRIVILEGES;
CREATE USER admin IDENTIFIED BY 'admin';
GRANT ALL ON *.* TO admin WITH GRANT OPTION;
CREATE USER waypost IDENTIFIED BY 'waypost';
"""


def free_block(size):
    """-> the first of `size` ports in a row that are free."""
    while True:
        first = random.randrange(PORT_FIRST, PORT_LAST)
        try:
            for port in range(first, first + size):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


def as_account(command):
    """`command`, under an account that may run nodes; it is killed when the tests are."""
    account = ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *account, "--pdeathsig", "KILL", *command]


def give(path):
    if os.geteuid() == 0:
        os.chown(path, pwd.getpwnam(ACCOUNT).pw_uid, grp.getgrnam(ACCOUNT).gr_gid)


class Node:
    """Ports: `port` for SQL, then the group's, then those for changes and for copies."""

    def __init__(self, cluster, number, port):
        self.cluster = cluster
        self.name = f"n{number}"
        self.port = port
        self.folder = cluster.folder / self.name
        self.data = self.folder / "data"
        self.socket = self.folder / "sock"
        self.error_log = self.folder / "error.log"
        self.process = None
        for path in (self.folder, self.data):
            path.mkdir()
            give(path)

    @property
    def group_address(self):
        return f"127.0.0.1:{self.port + 1}"

    def _run(self, command, **more):
        return subprocess.run(as_account(command), capture_output=True, text=True, timeout=START_SECONDS,
                              env={**os.environ, "PATH": PATH}, cwd=self.folder, check=False, **more)

    def install(self):
        """Makes the data of the first node; the others get a copy of them when they join."""
        accounts = self.cluster.folder / "accounts.sql"
        accounts.write_text(ACCOUNTS)
        done = self._run(["mariadb-install-db", "--no-defaults", "--force", f"--datadir={self.data}",
                          f"--tmpdir={self.folder}", "--skip-test-db", "--auth-root-authentication-method=normal",
                          "--innodb-log-file-size=8M", "--innodb-flush-method=nosync", f"--extra-file={accounts}"])
        assert done.returncode == 0, done.stdout + done.stderr

    def _command(self, *options):
        return ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.folder}",
                f"--socket={self.socket}", f"--pid-file={self.folder / 'pid'}", f"--log-error={self.error_log}",
                "--bind-address=127.0.0.1", f"--port={self.port}", *OPTIONS,
                f"--wsrep-provider={self.cluster.provider}",
                "--wsrep-cluster-address=gcomm://" + ",".join(node.group_address for node in self.cluster.nodes),
                *options]

    def recovered(self):
        """Where this stopped node's data end, as "CLUSTER:NUMBER"; after a crash only InnoDB knows."""
        log = self.folder / "recover.log"
        done = self._run([*self._command("--wsrep-recover"), f"--log-error={log}"])
        found = re.findall(r"Recovered position: (\S+)", log.read_text()) if log.exists() else []
        assert found, f"{done.stdout}{done.stderr}"
        return found[-1]

    def launch(self, is_first=False):
        """Starts it; `is_first`: as the first of a new cluster."""
        options = []
        if (self.data / "grastate.dat").exists() and (self.data / "ibdata1").exists():
            options = [f"--wsrep-start-position={self.recovered()}"]
        provider = {"gmcast.listen_addr": f"tcp://{self.group_address}", "gcache.size": "32M",
                    "ist.recv_addr": f"127.0.0.1:{self.port + 2}", **self.cluster.timing}
        options += [
            "--wsrep-provider-options=" + ";".join(f"{name}={value}" for name, value in provider.items()),
            f"--wsrep-node-name={self.name}", f"--wsrep-node-address={self.group_address}",
            f"--wsrep-node-incoming-address=127.0.0.1:{self.port}",
            f"--wsrep-sst-receive-address=127.0.0.1:{self.port + 3}",
        ] + (["--wsrep-new-cluster"] if is_first else [])
        with open(self.folder / "stdout.log", "ab") as output:
            self.process = subprocess.Popen(as_account(self._command(*options)), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, cwd=self.folder,
                                            env={**os.environ, "PATH": PATH}, start_new_session=True)
        return self

    def start(self, is_first=False):
        """Returns when it takes part in its cluster."""
        return self.launch(is_first).wait_synced()

    def wait_synced(self, size=None):
        eventually(lambda: self.is_synced(size), START_SECONDS, f"{self.name} in the cluster")
        return self

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def is_synced(self, size=None):
        assert self.is_alive(), f"{self.name} has ended:\n{self.last_words()}"
        status = self.status()
        return (status.get("wsrep_ready") == "ON" and status.get("wsrep_local_state_comment") == "Synced"
                and size in (None, int(status["wsrep_cluster_size"])))

    def last_words(self):
        return "\n".join(self.error_log.read_text(errors="replace").splitlines()[-25:])

    def status(self):
        """Galera's own variables; empty when the node does not answer."""
        done = self._client("waypost", "SHOW STATUS LIKE 'wsrep%'")
        return dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)

    def _end(self, signal_number):
        os.killpg(self.process.pid, signal_number)
        self.process.wait(STOP_SECONDS)

    def kill(self):
        """kill -9, of what it has started, too; returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self):
        if self.is_alive():
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def _client_command(self, database):
        return ["mariadb", "--no-defaults", "-S", str(self.socket), "-u", "admin", "-padmin", "--batch", "--unbuffered",
                "--connect-timeout=2", "--skip-column-names", "--default-character-set=utf8mb4", database]

    def _client(self, database, statements):
        return subprocess.run(self._client_command(database), input=statements, capture_output=True, text=True,
                              timeout=SQL_SECONDS, check=False)

    @contextlib.contextmanager
    def lagging(self):
        """It takes part in its cluster and answers, but does not see what the others commit."""
        with subprocess.Popen(self._client_command("waypost"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            Session(process).run("FLUSH TABLES WITH READ LOCK;")
            try:
                yield
            finally:
                Session(process).run("UNLOCK TABLES;")
                process.kill()

    @contextlib.contextmanager
    def read_only(self):
        """The program under test goes elsewhere with its new connections; those it has stay."""
        self.sql("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            self.sql("SET GLOBAL read_only = 0")

    def sql(self, statements, database="waypost"):
        """-> rows of the last one, as texts."""
        done = self._client(database, statements)
        assert done.returncode == 0, f"{self.name}: {statements[:500]}\n{done.stderr}"
        return [line.split("\t") for line in done.stdout.splitlines()]

    def newest_sql(self, statement, database):
        """The same, once the node has all that any node has committed."""
        return self.sql(f"SET SESSION wsrep_sync_wait = 1; {statement}", database)

    def connections(self, database):
        """How many the program under test has to this node."""
        return len(self.sql(f"SELECT id FROM information_schema.processlist WHERE user = 'waypost' "
                            f"AND db = '{database}'"))


class Galera:
    def __init__(self, timing=None):
        provider = [path for path in PROVIDERS if pathlib.Path(path).exists()]
        assert provider, "galera-4 is not installed: ./dev setup galera"
        self.provider = provider[0]
        self.timing = TIMING if timing is None else timing
        # Not where pytest makes its folders: only the user that runs the tests may enter those.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="waypost-galera-"))
        self.folder.chmod(0o755)
        first = free_block(NODES * PORTS_EACH)
        self.nodes = [Node(self, number + 1, first + number * PORTS_EACH) for number in range(NODES)]
        self._databases = 0

    def start(self):
        """From nothing to a whole cluster."""
        self.nodes[0].install()
        self.nodes[0].start(is_first=True)
        for node in self.nodes[1:]:  # one after the other: two that join at once keep each other waiting
            node.start()
        return self.wait_whole()

    def is_whole(self):
        """Not only does each think so, they speak of the same membership: one that slept may not know yet."""
        return (all(node.is_synced(NODES) for node in self.nodes)
                and len({node.status().get("wsrep_cluster_conf_id") for node in self.nodes}) == 1)

    def wait_whole(self):
        eventually(self.is_whole, START_SECONDS, "a whole cluster")
        return self

    def mend(self):
        """Starts what was killed, wakes what was stopped; returns when all take part."""
        for node in self.nodes:
            if node.is_alive():
                node.thaw()
        dead = [node for node in self.nodes if not node.is_alive()]
        if len(dead) == NODES:
            self.bootstrap()
            dead = [node for node in self.nodes if not node.is_alive()]
        for node in dead:
            node.launch()
        return self.wait_whole()

    def bootstrap(self):
        """After all have ended: the one that has the most becomes the first of the cluster again."""
        newest = max(self.nodes, key=lambda node: int(node.recovered().rpartition(":")[2]))
        state = newest.data / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        return newest.start(is_first=True)

    def remove(self):
        """Ends all nodes, and their data."""
        for node in self.nodes:
            if node.is_alive():
                node.kill()
        shutil.rmtree(self.folder)

    def new_database(self):
        """-> the name of an empty database of its own."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.nodes[0].sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4; GRANT ALL ON {name}.* TO waypost")
        return name

    def url(self, database, order=(0, 1, 2)):
        """With the nodes in that order."""
        hosts = ",".join(f"127.0.0.1:{self.nodes[number].port}" for number in order)
        return f"mariadb://waypost:{urllib.parse.quote('waypost')}@{hosts}/{database}"

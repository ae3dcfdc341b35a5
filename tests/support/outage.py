"""What must hold while a database is away, and how to find out: lookups that never stop, and a
ledger of writes that is held against the rows in the end."""
import threading
import time

from http_client import eventually

WRITE_SECONDS = 10  # within this a write is answered, whatever the database does
LOOKUP_SECONDS = 2  # the shortest time that the service waits for a database
USUAL_SECONDS = 0.5  # nearly all lookups, with a large margin for a busy machine
RECOVERY_SECONDS = 25  # a few times the longest pause between two tries to connect
LOOK_SECONDS = 0.02
MAY_BE_STORED = "may or may not be stored"


class Lookups:
    """Asks for one override all the time; every answer must be right, and come without waiting."""

    def __init__(self, program, key, target):
        self.program = program
        self.key = key
        self.target = target
        self.seconds = []
        self.wrong = []
        self.stale = 0  # X-Waypost-Stale of the newest answer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        eventually(lambda: self.seconds or self.wrong, what="the first lookup")
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        if kind is None:
            self.check()

    def _ask(self):
        client = self.program.client.held()
        while not self._stop.wait(LOOK_SECONDS):
            start = time.monotonic()
            try:
                answer = client.get(f"/resolve/{self.key}")
            except Exception as error:  # told by check(), in the test's own thread
                self.wrong.append(error)
                break
            self.seconds.append(time.monotonic() - start)
            if answer.status != 200 or answer.json()["target_host"] != self.target:
                self.wrong.append(answer)
            self.stale = int(answer.headers.get("X-Waypost-Stale", 0))
        client.close()

    def check(self):
        assert self.seconds and not self.wrong, self.wrong[:3]
        ordered = sorted(self.seconds)
        assert ordered[-1] < LOOKUP_SECONDS, "a lookup has waited for the database"
        assert ordered[len(ordered) * 95 // 100] < USUAL_SECONDS, "lookups became slow"


class Ledger:
    """Writes, each of a key and a target of its own, and what became of them."""

    def __init__(self, maria, database):
        self.maria = maria
        self.database = database
        self.acknowledged = {}  # revision -> (key, target)
        self.refused = {}  # key -> target
        self.unknown = {}  # key -> target: "may or may not be stored"
        self._turn = 0
        self._lock = threading.Lock()

    def write(self, program, comment=""):
        """One PUT of a new key. -> its answer, which is held to what is promised."""
        with self._lock:
            turn = self._turn
            self._turn += 1
        key, target = f"w{turn}.example", f"10.1.{turn // 250}.{turn % 250 + 1}"
        start = time.monotonic()
        answer = program.client.put(f"/overrides/{key}", {"target_host": target, "comment": comment})
        seconds = time.monotonic() - start
        assert seconds < WRITE_SECONDS, f"{key}: answered after {seconds:.1f} s"
        with self._lock:
            if answer.status == 201:
                assert answer.json()["revision"] not in self.acknowledged
                self.acknowledged[answer.json()["revision"]] = key, target
            else:
                assert (answer.status, answer.code) == (503, "store_unavailable"), answer.text
                assert int(answer.headers["Retry-After"]) >= 1
                is_unknown = MAY_BE_STORED in answer.json()["detail"]
                (self.unknown if is_unknown else self.refused)[key] = target
        return answer

    def write_many(self, program, count):
        """At once, from as many clients."""
        answers, failed = [], []

        def one():
            try:
                answers.append(self.write(program))
            except Exception as error:  # told in the caller's thread
                failed.append(error)

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return answers

    def write_until_done(self, program):
        eventually(lambda: self.write(program).status == 201, RECOVERY_SECONDS, "a write")

    def check(self, *programs):
        """Nothing half-done, nothing twice, nothing lost; and every program answers what is stored."""
        log = [(int(revision), key) for revision, key in self._sql(
            "SELECT revision, lookup_key FROM override_change ORDER BY revision, seq")]
        rows = {key: (target, int(revision)) for key, target, revision in self._sql(
            "SELECT lookup_key, target_host, revision FROM dns_overrides")}
        newest = int(self._sql("SELECT n FROM override_state")[0][0])
        assert [revision for revision, _ in log] == list(range(1, newest + 1)), "revisions are dense"
        assert {key: revision for revision, key in log} == \
            {key: revision for key, (_, revision) in rows.items()}, "rows and change log agree"
        for revision, (key, target) in self.acknowledged.items():
            assert rows.get(key) == (target, revision), f"{key} was acknowledged"
        allowed = dict(self.acknowledged.values()) | self.unknown
        assert {key: target for key, (target, _) in rows.items() if allowed.get(key) != target} == {}, \
            "what was refused is stored"
        for program in programs:
            eventually(lambda program=program: program.readiness()["revision"] == newest, RECOVERY_SECONDS,
                       "the newest revision")
            for key in allowed | self.refused:
                served = program.client.get(f"/resolve/{key}?fallback=none").json()["target_host"]
                assert served == rows.get(key, ("",))[0], f"{key}: what is served is what is stored"

    def _sql(self, query):
        return self.maria.sql(query, self.database)

"""Clients that write as fast as they can, and remember what became of each write."""
import http.client
import threading
import time

PAUSE_SECONDS = 0.05  # of a client that was refused
SHARED_KEYS = [f"shared{number}.example" for number in range(5)]
SHARED_EVERY = 4  # one write in so many goes to a key that all write


class Outcomes:
    """Of one client's writes."""

    def __init__(self):
        self.acknowledged = {}  # key that only this client writes -> (target, revision)
        self.shared = []  # (key, target, revision), acknowledged
        self.refused = set()  # keys of writes that were answered 503: nothing was stored
        self.unknown = set()  # keys of writes of which the answer said that it does not know
        self.slowest = 0  # seconds until an answer
        self.silence = 0  # the longest time without an acknowledgement, in seconds
        self.since = time.monotonic()  # the last one

    def count(self):
        return len(self.acknowledged) + len(self.shared)

    def note_acknowledged(self, key, target, revision):
        if key in SHARED_KEYS:
            self.shared.append((key, target, revision))
        else:
            self.acknowledged[key] = target, revision
        self.silence = max(self.silence, time.monotonic() - self.since)
        self.since = time.monotonic()


class Writers:
    """`each` threads for each of `clients`."""

    def __init__(self, clients, each=2):
        self._stop = threading.Event()
        self._clients = clients
        self.outcomes = [[Outcomes() for _ in range(each)] for _ in clients]
        self.broken = []  # what no write may be answered with
        self._threads = [threading.Thread(target=self._guarded, args=(client, number))
                         for client in range(len(clients)) for number in range(each)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self.broken, self.broken[:3]
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *failure):
        self.stop()

    def all(self):
        return [outcomes for several in self.outcomes for outcomes in several]

    def counts(self):
        """How many writes were acknowledged, for each client."""
        return [sum(outcomes.count() for outcomes in several) for several in self.outcomes]

    def all_have_gone_on(self, since, by):
        """Whether each client has had `by` more writes acknowledged than `since` says."""
        return all(now >= before + by for now, before in zip(self.counts(), since))

    def _guarded(self, client, number):
        try:
            self._write(client, number)
        except AssertionError as failure:
            self.broken.append(failure)

    def _write(self, client, number):
        outcomes = self.outcomes[client][number]
        held = self._clients[client].held()
        turn = 0
        while not self._stop.is_set():
            key = (SHARED_KEYS[turn // SHARED_EVERY % len(SHARED_KEYS)] if turn % SHARED_EVERY == 0
                   else f"w{client}-{number}-{turn}.example")
            target = f"t{client}-{number}-{turn}.example"
            begun = time.monotonic()
            try:
                answer = held.put(f"/overrides/{key}", {"target_host": target})
            except http.client.RemoteDisconnected:  # it closes some connections after an error
                outcomes.unknown.add(key)
                held = self._clients[client].held()
                continue
            outcomes.slowest = max(outcomes.slowest, time.monotonic() - begun)
            self._note(outcomes, key, target, answer)
            turn += 1
        held.close()

    def _note(self, outcomes, key, target, answer):
        if answer.status in (200, 201):
            outcomes.note_acknowledged(key, target, answer.json()["revision"])
            return
        assert (answer.status, answer.code) == (503, "store_unavailable"), answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        (outcomes.unknown if "may or may not" in answer.json()["detail"] else outcomes.refused).add(key)
        self._stop.wait(PAUSE_SECONDS)

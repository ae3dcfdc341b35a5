"""Clients that write at the same time through all instances, and note what each answer said."""
import http.client
import threading

from history import ABSENT, Fate, Row, Write
from http_client import Client

SHARED_SHARE = 0.3  # of writes
ENABLED_SHARE = 0.85
PLAIN_SHARE = 0.3  # of PUT and POST: without the comment, which then gets its default
OWNED_KEYS = 4  # of each writer; nobody else writes them, so what they may hold is certain
SHARED_KEYS = 6  # written by all, always with a precondition
REFUSED_PAUSE_SECONDS = 0.02  # before the next try when one was refused or nobody listens
UNSETTLED = "may or may not be stored"

METHODS = ["PUT"] * 6 + ["PATCH"] * 4 + ["DELETE"] * 3 + ["POST"] * 2
REPEAT_SHARE = 0.07  # of writes: the one before once more, which changes nothing
RETRY_SHARE = 0.5  # of writes without an answer: sent again as they were
READ_SHARE = 0.7  # of writes to a shared key: on what was read just before; others on what was known earlier


def owned_keys(number):
    """Of writer `number`; one is an address."""
    return [f"w{number}-{turn}.example" for turn in range(1, OWNED_KEYS)] + [f"2001:db8::{number + 1:x}"]


SHARED = [f"shared{number}.example" for number in range(SHARED_KEYS)]


def row_in(answer):
    body = answer.json()
    return Row(body["target_host"], body["comment"], body["enabled"], body["revision"])


class Lost(Exception):
    """The request ended without an answer."""


class Door:
    """One writer's way to one instance: a connection that is kept until it breaks."""

    def __init__(self, instance):
        self.instance = instance
        self.address = None
        self.client = None

    def request(self, method, target, body=None, headers=None):
        """The answer; None: nobody is there, so nothing was sent; Lost: it was sent, and there is no answer."""
        address = self.instance.address
        if address is None:
            return None
        if address != self.address:
            self.close()
            self.address, self.client = address, Client(address, self.instance.contract).held()
        try:
            return self.client.request(method, target, body, headers, check=False)
        except TimeoutError as error:
            raise AssertionError(f"{method} {target} has no answer: not even a refusal") from error
        except ConnectionRefusedError:
            return None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(type(error).__name__) from error

    def close(self):
        if self.client is not None:
            self.client.close()
        self.address = self.client = None


class Writer:
    """One client. `rng` decides what it does; what the answers say decides what it knows."""

    def __init__(self, number, instances, rng, label, stop, table):
        """`label`: makes what it writes its own; `table`: the rows that are there."""
        self.doors = [Door(instance) for instance in instances]
        self.number = number
        self.rng = rng
        self.label = label
        self.stop = stop
        self.keys = owned_keys(number)
        self.turn = 0
        self.writes = []
        self.known = {key: table.get(key) for key in self.keys}  # key -> Row or None; shared keys: (Row, ETag)
        self.retired = set()  # keys whose last write may still be done later: not written until the next check
        self.failure = None
        self.thread = threading.Thread(target=self._run, name=f"writer-{number}")

    def _run(self):
        try:
            while not self.stop.is_set():
                if self.rng.random() < SHARED_SHARE:
                    self._write_shared(self.rng.choice(SHARED))
                else:
                    self._write_owned(self.rng.choice(self.keys))
        except BaseException as error:  # shown by the thread that waits for this one
            self.failure = error
        finally:
            for door in self.doors:
                door.close()

    def _pause(self):
        self.stop.wait(REFUSED_PAUSE_SECONDS)

    def _fields(self, method, must_differ=False):
        """A target that nobody has ever asked for; for a PATCH one field or two of it."""
        self.turn += 1
        name = f"{self.label}-w{self.number}-{self.turn}"
        fields = {"target_host": f"{name}.target.example", "comment": f"by {name}",
                  "enabled": self.rng.random() < ENABLED_SHARE}
        if method == "PATCH":
            kept = {"comment"} if must_differ else {self.rng.choice(sorted(fields))}
            kept.add(self.rng.choice(sorted(fields)))
            return {name: fields[name] for name in sorted(kept)}
        if self.rng.random() < PLAIN_SHARE:
            del fields["comment"]
        return fields

    def _write_owned(self, key):
        if key in self.retired:
            return
        known = self.known.get(key)
        if known is not None and self.rng.random() < REPEAT_SHARE:
            write = Write("PUT", key, {"target_host": known.target, "comment": known.comment, "enabled": known.enabled})
        else:
            method = self.rng.choice(METHODS)
            write = Write(method, key, {} if method == "DELETE" else self._fields(method))
        self._send(write)
        while write.fate is Fate.UNKNOWN and write.status is None and not self.stop.is_set() \
                and self.rng.random() < RETRY_SHARE:
            write = Write(write.method, key, write.fields, note="(again)")
            self._send(write)
        if write.fate in (Fate.STORED, Fate.DELETED):
            self.known[key] = write.row
        if write.fate is Fate.UNKNOWN and write.status is not None:
            self.retired.add(key)

    def _write_shared(self, key):
        known = self.known.get(key)
        if known is None or self.rng.random() < READ_SHARE:
            known = self._read(key)
            if known is None:
                return
        row, etag = known
        method = self.rng.choice(METHODS if row else ["PUT", "POST"])
        if method == "POST":
            row, headers = ABSENT, {}
        elif row is None:
            row, headers = ABSENT, {"If-None-Match": "*"}
        else:
            headers = {"If-Match": etag}
        write = Write(method, key, {} if method == "DELETE" else self._fields(method, must_differ=True), row)
        answer = self._send(write, headers)
        self.known[key] = (write.row, answer.etag) if write.fate is Fate.STORED else None

    def _read(self, key):
        """-> (Row or None, ETag), or None when nobody answers."""
        try:
            answer = self.rng.choice(self.doors).request("GET", f"/overrides/{key}")
        except Lost:
            return None
        if answer is None or answer.status == 503:
            self._pause()
            return None
        assert answer.status in (200, 404), answer.text
        return (row_in(answer), answer.etag) if answer.status == 200 else (None, None)

    def _send(self, write, headers=None):
        """Sends it and notes what is known of it then. -> the answer, or None."""
        door = self.rng.choice(self.doors)
        body = {**write.fields, "lookup_key": write.key} if write.method == "POST" else write.fields
        write.note += f" via {door.instance.name}"
        try:
            answer = door.request(write.method, "/overrides" if write.method == "POST" else f"/overrides/{write.key}",
                                  None if write.method == "DELETE" else body, headers)
        except Lost as error:
            write.note += f" ({error})"
            self.writes.append(write)
            return None
        if answer is None:
            write.fate = Fate.REFUSED
            self._pause()
            return None
        note(write, answer)
        self.writes.append(write)
        if answer.status == 503:
            self._pause()
        return answer


def note(write, answer):
    """What the answer says about the write."""
    write.status = answer.status
    if answer.status in (200, 201):
        write.fate, write.row = Fate.STORED, row_in(answer)
    elif answer.status == 204:
        write.fate = Fate.DELETED
    elif answer.status in (404, 409, 412):
        write.fate = Fate.JUDGED
    elif answer.status == 503:
        detail = answer.json()["detail"]
        write.fate = Fate.UNKNOWN if UNSETTLED in detail else Fate.REFUSED
        write.note += f" {detail!r}"
    else:
        raise AssertionError(f"{write}: {answer.text}")

"""Changes of overrides in any order, held against a model that is as simple as can be.

FUZZ_SEEDS and FUZZ_EXAMPLES say how many of them."""
import os

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conftest import empty

SEEDS = [int(word) for word in os.environ.get("FUZZ_SEEDS", "1").split()]
EXAMPLES = max(3, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 8)
STEPS = 20
KEYS = ["a.model", "b.model", "192.0.2.77", "2001:db8::77"]
LAW = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, print_blob=False,
               suppress_health_check=list(HealthCheck))

keys = st.sampled_from(KEYS)
targets = st.sampled_from(["10.0.0.5", "10.0.0.6", "target.model"])
comments = st.sampled_from(["", "ticket 4711", "tab\tand\nline", "ü \U0001f600"])
rows = st.fixed_dictionaries({"target_host": targets, "comment": comments, "enabled": st.booleans()})
patches = st.fixed_dictionaries({}, optional={"target_host": targets, "comment": st.none() | comments,
                                              "enabled": st.sampled_from([None, False, True])})
DEFAULTS = {"comment": "", "enabled": True}
index = st.integers(0, 99)


def fields(row):
    return row and {name: row[name] for name in ("target_host", "comment", "enabled")}


class Overrides(RuleBasedStateMachine):
    """The model: what each key has, and every change with what was before it."""
    client = None

    @initialize()
    def begin(self):
        empty(self.client)
        for key in KEYS:  # so that something is known of each
            self.client.set(key, "10.0.0.5")
            self.client.delete(f"/overrides/{key}")
        self.rows = {}
        self.log = []  # (revision, key, before, after)
        self.base = self.revision = self.client.get("/overrides").revision

    def changed(self, key, after, answer, revision):
        """Takes note of what a request that was taken has done; nothing, if it changed nothing."""
        before = self.rows.get(key)
        if before == after:
            assert revision <= self.revision, answer
            return
        assert revision == self.revision + 1, answer
        self.revision = revision
        self.log.append((revision, key, before, after))
        self.rows.pop(key, None)
        if after is not None:
            self.rows[key] = after

    def stored(self, key, after, answer):
        assert fields(answer.json()) == after
        self.changed(key, after, answer, answer.json()["revision"])

    @rule(key=keys, row=rows)
    def put(self, key, row):
        answer = self.client.put(f"/overrides/{key}", row)
        assert answer.status == (200 if key in self.rows else 201)
        self.stored(key, row, answer)

    @rule(key=keys, row=rows)
    def create(self, key, row):
        answer = self.client.post("/overrides", {"lookup_key": key, **row})
        assert answer.status == (409 if key in self.rows else 201)
        if answer.status == 201:
            self.stored(key, row, answer)

    @rule(key=keys, patch=patches)
    def patch(self, key, patch):
        answer = self.client.patch(f"/overrides/{key}", patch)
        assert answer.status == (200 if key in self.rows else 404)
        if answer.status == 200:
            said = {name: DEFAULTS[name] if value is None else value for name, value in patch.items()}
            self.stored(key, {**self.rows[key], **said}, answer)

    @rule(key=keys)
    def delete(self, key):
        answer = self.client.delete(f"/overrides/{key}")
        assert answer.status == (204 if key in self.rows else 404)
        if answer.status == 204:
            self.changed(key, None, answer, answer.revision)

    @rule(key=keys, back=index)
    def revert(self, key, back):
        revision = max(self.base, self.revision - back % 12)
        then = next((after for at, other, _, after in reversed(self.log) if other == key and at <= revision), None)
        answer = self.client.post(f"/overrides/{key}/revert", {"revision": revision})
        assert answer.status == 200, answer.text
        body = answer.json()
        assert body.get("deleted", False) == (then is None)
        if then is not None:
            assert fields(body) == then
        self.changed(key, then, answer, body["revision"])

    @rule(back=index)
    def undo(self, back):
        if not self.log:
            return
        revision, key, before, _ = self.log[-1 - back % len(self.log)]
        newest = next(at for at, other, _, _ in reversed(self.log) if other == key)
        answer = self.client.request("POST", f"/history/{revision}/revert")
        assert answer.status == (200 if newest == revision else 409), answer.text
        if answer.status == 200:
            assert answer.json()["reverted"] == [key]
            self.changed(key, before, answer, answer.json()["revision"])
        else:
            assert answer.fields() == [key]

    @rule(key=keys)
    def stale_change(self, key):
        answer = self.client.put(f"/overrides/{key}", {"target_host": "10.9.9.9"}, If_Match='"0-0"')
        assert answer.status == 412

    @invariant()
    def lookups_tell_the_same(self):
        for key in KEYS:
            row = self.rows.get(key, {"enabled": False})
            found = self.client.get(f"/resolve/{key}?fallback=none").json()
            assert found["target_host"] == (row["target_host"] if row["enabled"] else "")

    def teardown(self):
        if not hasattr(self, "rows"):
            return
        listed = self.client.get("/overrides").json()["overrides"]
        assert {row["lookup_key"]: fields(row) for row in listed} == self.rows
        feed = self.client.get(f"/changes?since={self.base}&limit=1000").json()["changes"]
        assert [(change["revision"], change["lookup_key"], fields(change["override"])) for change in feed] == [
            (revision, key, after) for revision, key, _, after in self.log]
        told = self.client.get(f"/history?since={self.base}&limit=1000").json()["history"]
        assert [(entry["revision"], entry["lookup_key"], fields(entry["before"]), fields(entry["after"]))
                for entry in reversed(told)] == self.log


@pytest.mark.parametrize("number", SEEDS, ids="seed-{}".format)
def test_the_service_does_as_the_model(shared, number):
    held = shared.client.held()

    class Machine(Overrides):
        client = held

    try:
        run_state_machine_as_test(seed(number)(Machine), settings=LAW)
    finally:
        held.close()

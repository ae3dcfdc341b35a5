"""Examples made from openapi.yaml, for each of its operations: what is right by the schemas is taken, what has
a mistake is refused and changes nothing, and whatever is sent is answered as the contract says.

FUZZ_SEEDS and FUZZ_EXAMPLES say how many, FUZZ_STORES on which databases; FUZZ_REPORT names a file for a table
of what was seen. `./dev fuzz-contract` sets them."""
import collections
import hashlib
import os
import pathlib
import re
import urllib.parse
import zlib

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from contract import Contract
from program import ROOT
from request_examples import JSON, ODD, RIGHT, WRONG, Operation

SEEDS = [int(word) for word in os.environ.get("FUZZ_SEEDS", "1").split()]
IS_LONG = "FUZZ_EXAMPLES" in os.environ  # else a few, among all the other tests
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
STORES = os.environ.get("FUZZ_STORES", "sqlite mariadb" if IS_LONG else "sqlite").split()
MAY = {"reader": {"read"}, "auditor": {"read", "review"}, "editor": {"read", "review", "change"},
       "admin": {"read", "review", "change", "admin"}}
ROLES = tuple(MAY)
LAW = settings(max_examples=EXAMPLES, deadline=None, database=None, print_blob=False,
               suppress_health_check=list(HealthCheck))

SHORT_STEP = 17
CONTRACT = Contract(ROOT / "openapi.yaml")
OPERATIONS = [Operation(CONTRACT, *documented) for documented in CONTRACT.operations()]
GUARDED = [(operation, role) for operation in OPERATIONS if operation.scopes for role in ROLES]
WRITES_ONE = {"createOverride", "setOverride", "changeOverride"}
ZONES = (".mail.test", ".other.test")  # what the DNS server has; it refuses all else

KEYS = ["example.org", "Example.ORG.", "[192.0.2.7]", "192.0.2.7", "IPv6:2001:DB8::1", "a.example", "b.example", "c",
        "plain.mail.test", "nullmx.mail.test", "nothing.mail.test", "v6only.mail.test", "notebook.mail.test",
        "Bücher.Example", "x" * 63 + ".example", ".".join(["y" * 63] * 3 + ["z" * 61])]
TARGETS = ["10.0.0.5", "staging.example.net", "2001:db8::25", "c", "192.0.2.7"]
# 422 or 414 for what the schemas allow: the rules that JSON Schema has no words for, as the contract describes them.
BEYOND = [
    r"must differ from lookup_key", r"must be the key of the path", r"the newest revision is",
    r"is not one that this (list|history) has given out", r"belongs to a (list|history) with",
]
LONGEST_TARGET = 8192
TAKEN = {200, 201, 204, 304, 404, 409, 410, 412}


class Situation:
    """A running program, and what a client would know of it."""

    def __init__(self, program, role=None):
        """`role`: of the token that each request has; None: the program wants none."""
        self.client = program.client
        self.role = role
        self.token = {"Authorization": f"Bearer {secret_of(role)}"} if role else {}
        self.revision = self._get("/overrides").revision
        self.cursors = {}
        self.etags = {}

    def hints(self):
        """What is likely to be there, for schemas know no names."""
        names = st.sampled_from(KEYS)
        revisions = st.integers(0, 12).map(lambda back: max(0, self.revision + 1 - back))
        now = st.sampled_from(["*"] + ['"1-2"', 'W/"7"']) | st.integers(0, 9).map(self._etag)
        return {"key": names, "lookup_key": names, "target_host": st.sampled_from(TARGETS), "revision": revisions,
                "domain": names | names.map("user+tag@{}".format), "since": revisions, "If-Match": now,
                "If-None-Match": now, "cursor": st.integers(0, 9).map(self._cursor),
                "epoch": st.integers(0, 1).map(self._epoch), "keys": st.lists(names, max_size=5),
                # The others wait: for a revision that does not come, or for a change that nobody makes.
                "only": {"min_revision": revisions.map(lambda one: min(one, self.revision)), "wait": st.just(0)}}

    def _etag(self, index):
        known = sorted(self.etags.values())
        return known[index % len(known)] if known else '"0-0"'

    def _cursor(self, index):
        target = ["/overrides?limit=1", "/history?limit=1"][index % 2]
        return self._of(target, "next_cursor")

    def _epoch(self, index):
        return ["0" * 32, self._of("/changes?since=0", "epoch")][index]

    def _of(self, target, member):
        return self._get(target).json().get(member) or "30"

    def _get(self, target):
        return self.client.get(target, **self.token)

    # --- laws -------------------------------------------------------------------------------------

    def judge(self, operation, request):
        """Sends it, and holds the answer to every law. -> (status, the rule beyond the schemas, if any)"""
        answer = self.client.request(request.method, request.target, request.body, {**self.token, **request.headers})
        status, rule = answer.status, ""
        assert status < 500 or self._is_of_dns(request, answer), told(request, answer)
        if request.kind == RIGHT:
            rule = self._must_be_taken(operation, request, answer)
        if request.kind == WRONG:
            assert 400 <= status < 500, f"taken with a mistake: {told(request, answer)}"
        if status >= 400:
            assert answer.revision <= self.revision, f"refused, and changed something: {told(request, answer)}"
        self.revision = max(self.revision, answer.revision, _revision_of(answer))
        if status in (200, 201) and request.method == "HEAD":
            assert self._get(request.target).status == status
        if status in (200, 201) and operation.name in WRITES_ONE and request.kind == RIGHT:
            self._is_kept(answer)
        return status, rule

    def _must_be_taken(self, operation, request, answer):
        if len(request.target) > LONGEST_TARGET and answer.status == 414:
            return "414: too long with its percent signs"
        if self.role and not operation.scopes <= MAY[self.role]:
            assert answer.status == 403, f"the role {self.role} may not: {told(request, answer)}"
            return ""
        if answer.status in TAKEN or answer.status >= 500:
            return ""
        assert answer.status == 422, f"right by the schemas, and refused: {told(request, answer)}"
        if request.method == "HEAD":
            return "422: HEAD"  # GET says why
        messages = "; ".join(f"{error['field']}: {error['message']}" for error in answer.json()["errors"])
        if any(not text.isascii() for text in _texts(request.values)):
            return "422: a name that UTS 46 refuses"
        for rule in BEYOND:
            if re.search(rule, messages):
                return f"422: {rule}"
        raise AssertionError(f"right by the schemas, and refused ({messages}): {request}")

    @staticmethod
    def _is_of_dns(request, answer):
        """Nobody knows the names that the schemas make up; the server refuses to say anything about them."""
        words = urllib.parse.unquote(request.target).lower()
        return (answer.status == 502 and request.template.startswith(("/resolve", "/mx"))
                and not any(zone in words for zone in ZONES))

    def _is_kept(self, answer):
        row = answer.json()
        path = f"/overrides/{row['lookup_key']}"
        found = self._get(path)
        assert (found.json(), found.etag) == (row, answer.etag)
        listed = self._get(f"/overrides?limit=1000&q={row['lookup_key']}").json()["overrides"]
        assert row in listed
        self.etags[row["lookup_key"]] = answer.etag


def _revision_of(answer):
    """What the body of a write says; a reload is in the data of its instance a moment later."""
    body = answer.json() if answer.status in (200, 201) and answer.media_type == JSON and answer.body else {}
    return body.get("revision", 0)


def _texts(value):
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def told(request, answer):
    return f"{request}\n{answer.status} {answer.body[:500]!r}"


def secret_of(role):
    return f"wp_secret-of-{role}"


class Table:
    """What was seen, for each operation."""

    def __init__(self):
        self.rows = collections.defaultdict(collections.Counter)

    def note(self, operation, request, status, rule=""):
        row = self.rows[operation.name]
        row["examples"] += 1
        row[request.kind] += 1
        row[status] += 1
        if rule:
            row[rule] += 1

    def violation(self, operation):
        self.rows[operation.name]["violations"] += 1

    def lines(self):
        yield f"{'operation':22} examples right wrong  odd violations  statuses"
        for name, row in self.rows.items():
            statuses = " ".join(f"{key}:{count}" for key, count in sorted(
                (key, count) for key, count in row.items() if isinstance(key, int)))
            beyond = ", ".join(f"{count} {key}" for key, count in row.items() if re.match("[0-9]{3}: ", str(key)))
            yield (f"{name:22} {row['examples']:8} {row[RIGHT]:5} {row[WRONG]:5} {row[ODD]:4} {row['violations']:10}  "
                   f"{statuses}" + (f" (of right ones: {beyond})" if beyond else ""))
        total = sum((row for row in self.rows.values()), collections.Counter())
        yield (f"{'in all':22} {total['examples']:8} {total[RIGHT]:5} {total[WRONG]:5} {total[ODD]:4} "
               f"{total['violations']:10}")


@pytest.fixture(scope="module")
def table():
    made = Table()
    yield made
    path = os.environ.get("FUZZ_REPORT")
    if path:
        pathlib.Path(path).write_text("\n".join(made.lines()) + "\n")


@pytest.fixture(scope="module", params=STORES)
def situation(request, launch_for_module, knot):
    database = None
    if request.param == "mariadb":
        maria = request.getfixturevalue("maria")
        database = maria.url(maria.new_database())
    return Situation(launch_for_module(database=database, dns=knot.address))


@pytest.fixture(scope="module")
def guarded(launch_for_module, knot, tmp_path_factory):
    """The situation of each role."""
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    digests = {role: hashlib.sha256(secret_of(role).encode()).hexdigest() for role in ROLES}
    path.write_text("".join(f"{role} {role} {digest}\n" for role, digest in digests.items()))
    path.chmod(0o600)
    program = launch_for_module("--tokens", str(path), dns=knot.address)
    return {role: Situation(program, role) for role in ROLES}


def fuzz(number, operation, requests, law, table):
    """Tries the law on requests; a seed and the state of the program make them what they are."""
    @seed(zlib.crc32(f"{operation} {number}".encode()))
    @LAW
    @given(requests)
    def attempt(request):
        try:
            status, rule = law(operation, request)
        except BaseException:
            table.violation(operation)
            raise
        table.note(operation, request, status, rule)

    attempt()


@pytest.mark.parametrize("number", SEEDS, ids="seed-{}".format)
@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_an_operation_keeps_the_contract(situation, table, operation, number):
    fuzz(number, operation, operation.requests(situation.hints()), situation.judge, table)


@pytest.mark.parametrize("operation, role", GUARDED if IS_LONG else GUARDED[::SHORT_STEP], ids=repr)
def test_a_role_meets_the_contract(guarded, table, operation, role):
    situation = guarded[role]
    situation.revision = max(other.revision for other in guarded.values())
    fuzz(SEEDS[0], operation, operation.requests(situation.hints()), situation.judge, table)

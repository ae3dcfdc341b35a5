"""What must hold once all is quiet: nothing that was acknowledged is missing, nothing else is there."""
import collections

from http_client import eventually
from writers import SHARED_KEYS

CATCH_UP_SECONDS = 30
BATCH = 1000

ROWS = "SELECT lookup_key, target_host, revision, enabled, created_at, updated_at FROM dns_overrides ORDER BY lookup_key"
LOG = "SELECT revision, seq, HEX(tx), place, op, lookup_key, at FROM override_change ORDER BY revision, seq"
STATE = "SELECT n, low, HEX(epoch) FROM override_state"


def tables(node, database):
    return {query: node.newest_sql(query, database) for query in (ROWS, LOG, STATE)}


def the_nodes_are_equal(cluster, database):
    """-> what is in the tables of each."""
    first, *others = [tables(node, database) for node in cluster.nodes]
    for other in others:
        for query in first:
            assert other[query] == first[query], query
    return first


def the_log_is_whole(found):
    """Revisions without holes, and as many as the state says. -> revision -> key"""
    revisions = [int(line[0]) for line in found[LOG]]
    assert revisions == list(range(1, len(revisions) + 1)), "holes in the change log"
    assert int(found[STATE][0][0]) == len(revisions)
    return {int(line[0]): line[5] for line in found[LOG]}


def writes_are_what_was_answered(found, writers):
    logged = the_log_is_whole(found)
    times = collections.Counter(logged.values())
    rows = {row[0]: (row[1], int(row[2])) for row in found[ROWS]}
    shared = []
    for outcomes in writers.all():
        for key, wanted in outcomes.acknowledged.items():
            assert rows.get(key) == wanted, f"{key}: acknowledged as {wanted}, stored is {rows.get(key)}"
            assert logged[wanted[1]] == key
            assert times.pop(key) == 1, f"{key} was written twice"
        for key in outcomes.refused - set(SHARED_KEYS):
            assert key not in rows and key not in times, f"{key} was refused and is there"
        for key in outcomes.unknown - set(SHARED_KEYS):
            assert times.pop(key, 0) <= 1
        shared += outcomes.shared
    the_shared_keys_are_right(writers, shared, logged, times, rows)


def the_shared_keys_are_right(writers, shared, logged, times, rows):
    """`times`: what is left of the log, which nobody but these can have written."""
    doubtful = set().union(*(outcomes.unknown for outcomes in writers.all()))
    assert set(times) <= set(SHARED_KEYS), f"phantoms: {sorted(set(times) - set(SHARED_KEYS))[:5]}"
    for key, _, revision in shared:
        assert logged[revision] == key
    for key in SHARED_KEYS:
        mine = sorted((revision, target) for shared_key, target, revision in shared if shared_key == key)
        if key not in doubtful:
            assert len(mine) == times[key]
            assert not mine or rows[key] == (mine[-1][1], mine[-1][0])


def programs_answer(programs, found):
    """Each program gets to the newest revision, and answers what is stored."""
    newest = int(found[STATE][0][0])
    keys = [row[0] for row in found[ROWS]]
    for program in programs:
        eventually(lambda program=program: program.readiness()["revision"] == newest, CATCH_UP_SECONDS,
                   f"revision {newest}")
        for at in range(0, len(keys), BATCH):
            results = program.client.post("/resolve?fallback=none", {"keys": keys[at:at + BATCH]}).json()["results"]
            assert [(result["target_host"], result["revision"]) for result in results] == \
                [(row[1], int(row[2])) for row in found[ROWS][at:at + BATCH]]


def all_is_well(cluster, database, programs, writers):
    found = the_nodes_are_equal(cluster, database)
    writes_are_what_was_answered(found, writers)
    programs_answer(programs, found)

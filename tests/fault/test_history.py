"""The judge of the fault test: what it must accept, and that it complains of each way to break a promise."""
import pytest

from history import (ABSENT, Broken, Entry, Fate, Row, Write, check_log, check_replay, explain_owned, explain_shared,
                     replay)

KEY = "a.example"
OLD = Row("old.example", "", True, 7)
NEW = Row("new.example", "", True, 8)
OTHER = Row("other.example", "", True, 9)


def put(target, fate=Fate.UNKNOWN, status=None, row=None, base=None):
    return Write("PUT", KEY, {"target_host": target}, base, fate, status, row)


def delete(fate=Fate.UNKNOWN, status=None, base=None):
    return Write("DELETE", KEY, {}, base, fate, status)


def log(*words):
    return [Entry(int(word[:-1]), 0, word[-1], KEY) for word in words]


STORED = put("new.example", Fate.STORED, 200, NEW)
CREATED = put("new.example", Fate.STORED, 201, NEW)
REFUSED = put("new.example", Fate.REFUSED, 503)
LOST = put("new.example")

# label, row before, writes, log, row after
OWNED_TRUE = [
    ("nothing was done", OLD, [], log(), OLD),
    ("a change was stored", OLD, [STORED], log("8U"), NEW),
    ("a row was made", None, [CREATED], log("8U"), NEW),
    ("no answer, not stored", OLD, [LOST], log(), OLD),
    ("no answer, stored", OLD, [LOST], log("8U"), NEW),
    ("no answer, and again: stored by the first", OLD, [LOST, STORED], log("8U"), NEW),
    ("no answer, and then another: both stored", OLD,
     [LOST, put("other.example", Fate.STORED, 200, OTHER)], log("8U", "9U"), OTHER),
    ("refused", OLD, [REFUSED], log(), OLD),
    ("deleted", OLD, [delete(Fate.DELETED, 204)], log("8D"), None),
    ("deleted by the one without an answer", OLD, [delete(), delete(Fate.JUDGED, 404)], log("8D"), None),
    ("taken already", OLD, [Write("POST", KEY, {"target_host": "x"}, None, Fate.JUDGED, 409)], log(), OLD),
    ("a patch keeps the rest", OLD._replace(comment="c"),
     [Write("PATCH", KEY, {"target_host": "new.example"}, None, Fate.STORED, 200, NEW._replace(comment="c"))],
     log("8U"), NEW._replace(comment="c")),
]
OWNED_FALSE = [
    ("an acknowledged change is lost", OLD, [STORED], log(), OLD),
    ("it is in the log and not in the table", OLD, [STORED], log("8U"), OLD),
    ("it is in the table and not in the log", OLD, [STORED], log(), NEW),
    ("it has another revision", OLD, [STORED], log("9U"), NEW._replace(revision=9)),
    ("a refused change is stored", OLD, [REFUSED], log("8U"), NEW),
    ("a change without an answer is stored twice", OLD, [LOST], log("8U", "9U"), NEW._replace(revision=9)),
    ("a row that nobody wrote", OLD, [LOST], log("8U"), Row("phantom.example", "", True, 8)),
    ("a line that nobody wrote", OLD, [], log("8U"), OLD._replace(revision=8)),
    ("an acknowledged delete is lost", OLD, [delete(Fate.DELETED, 204)], log(), OLD),
    ("a delete that nobody asked for", OLD, [], log("8D"), None),
    ("an older change came later", OLD,
     [put("other.example", Fate.STORED, 200, OTHER), put("new.example", Fate.STORED, 200, NEW)],
     log("8U", "9U"), OTHER),
    ("made, but it was there", OLD, [CREATED], log("8U"), NEW),
    ("there is no such row, but there is", OLD, [delete(Fate.JUDGED, 404)], log(), OLD),
    ("a change answered with another row", OLD,
     [put("new.example", Fate.STORED, 200, Row("x.example", "", True, 8))], log("8U"), NEW),
]
BASED = put("new.example", Fate.STORED, 200, NEW, base=OLD)
SHARED_TRUE = [
    ("one won, one was told", OLD, [BASED, put("x.example", Fate.JUDGED, 412, base=OLD)], log("8U"), NEW),
    ("one after the other", OLD, [put("other.example", Fate.STORED, 200, OTHER, base=NEW), BASED], log("8U", "9U"),
     OTHER),
    ("no answer, stored", OLD, [put("new.example", base=OLD)], log("8U"), NEW),
    ("no answer, not stored", OLD, [put("new.example", base=OLD)], log(), OLD),
    ("deleted and made again", OLD, [delete(Fate.DELETED, 204, base=OLD),
                                     put("other.example", Fate.STORED, 201, OTHER, base=ABSENT)],
     log("8D", "9U"), OTHER),
]
SHARED_FALSE = [
    ("both won on the same row", OLD, [BASED, put("other.example", Fate.STORED, 200, OTHER, base=OLD)],
     log("8U", "9U"), OTHER),
    ("both were given one revision", OLD, [BASED, BASED], log("8U"), NEW),
    ("an acknowledged change is lost", OLD, [BASED], log(), OLD),
    ("an acknowledged delete is lost", OLD, [delete(Fate.DELETED, 204, base=OLD)], log(), OLD),
    ("a refused change is stored", OLD, [put("new.example", Fate.REFUSED, 503, base=OLD)], log("8U"), NEW),
    ("a line that nobody wrote", OLD, [], log("8U"), OLD._replace(revision=8)),
    ("a change without an answer is stored later than it may", OLD, [BASED, put("x.example", base=OLD)],
     log("8U", "9U"), Row("x.example", "", True, 9)),
    ("stale, but it was not", OLD, [put("new.example", Fate.JUDGED, 412, base=OLD)], log(), OLD),
]


def labelled(cases):
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


@pytest.mark.parametrize("before, writes, entries, after", labelled(OWNED_TRUE))
def test_of_one_writer_it_accepts(before, writes, entries, after):
    explain_owned(KEY, before, writes, entries, after)


@pytest.mark.parametrize("before, writes, entries, after", labelled(OWNED_FALSE))
def test_of_one_writer_it_refuses(before, writes, entries, after):
    with pytest.raises(Broken):
        explain_owned(KEY, before, writes, entries, after)


@pytest.mark.parametrize("before, writes, entries, after", labelled(SHARED_TRUE))
def test_of_many_writers_it_accepts(before, writes, entries, after):
    explain_shared(KEY, before, writes, entries, after)


@pytest.mark.parametrize("before, writes, entries, after", labelled(SHARED_FALSE))
def test_of_many_writers_it_refuses(before, writes, entries, after):
    with pytest.raises(Broken):
        explain_shared(KEY, before, writes, entries, after)


@pytest.mark.parametrize("newest, entries", [
    pytest.param(9, log("8U"), id="the last one is missing"),
    pytest.param(9, log("9U"), id="a hole"),
    pytest.param(8, log("8U", "9U"), id="behind the newest"),
    pytest.param(8, log("8U", "8D"), id="a revision twice"),
    pytest.param(8, [Entry(8, 1, "U", KEY)], id="the second of its revision without a first"),
])
def test_a_log_that_is_not_dense(newest, entries):
    check_log(7, 9, log("8U", "9D"))
    with pytest.raises(Broken):
        check_log(7, newest, entries)


@pytest.mark.parametrize("table", [{}, {KEY: OLD}, {KEY: NEW, "b.example": OLD}])
def test_a_table_that_is_not_the_replay(table):
    last = {}
    replay(last, log("6U", "7D", "8U"))
    check_replay(last, {KEY: NEW})
    with pytest.raises(Broken):
        check_replay(last, table)

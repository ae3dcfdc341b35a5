"""Somebody takes changes back: one override to what it was, or a whole change."""
import concurrent.futures

import pytest

from http_client import eventually

AWKWARD = ['"quoted" \\ back\\slash', "für Bücher 日本語 \U0001f600", "tab\tand\nline", "x" * 1024, "ü" * 1024]


def now(client):
    return client.get("/overrides").revision


def revert(client, key, revision, **headers):
    return client.post(f"/overrides/{key}/revert", {"revision": revision}, **headers)


def undo(client, revision, **headers):
    return client.request("POST", f"/history/{revision}/revert",
                          headers={name.replace("_", "-"): value for name, value in headers.items()})


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer.text
    if field is not None:
        assert answer.fields() == [field]
    return answer


def stored(client, key):
    """What an override says, without times and revision; None if there is none."""
    answer = client.get(f"/overrides/{key}")
    if answer.status == 404:
        return None
    return {name: answer.json()[name] for name in ("lookup_key", "target_host", "comment", "enabled")}


def served(client, key):
    return client.get(f"/resolve/{key}?fallback=none").json()["target_host"]


@pytest.fixture
def story(client):
    """A key with a past: [(revision, what it said then)], oldest first; nothing before the first."""
    key = "story.example"
    client.delete(f"/overrides/{key}")
    past = [(now(client), None)]

    def note(answer):
        assert answer.status in (200, 201, 204), answer.text
        past.append((now(client), stored(client, key)))

    note(client.put(f"/overrides/{key}", {"target_host": "10.0.0.5", "comment": "first"}))
    note(client.patch(f"/overrides/{key}", {"target_host": "10.0.0.6"}))
    note(client.patch(f"/overrides/{key}", {"enabled": False}))
    note(client.delete(f"/overrides/{key}"))
    note(client.post("/overrides", {"lookup_key": key, "target_host": "10.0.0.7", "comment": "made again"}))
    assert [said and said["enabled"] for _, said in past] == [None, True, True, False, None, True]
    return past


# --- one override ---------------------------------------------------------------------------------

def test_a_key_becomes_what_it_was_at_each_revision(client, story):
    """Forwards and backwards, so that each state follows several others."""
    for revision, said in story + story[::-1] + story[::2]:
        before = now(client)
        changes = stored(client, "story.example") != said
        answer = revert(client, "story.example", revision)
        assert answer.status == 200, answer.text
        assert stored(client, "story.example") == said
        assert now(client) == before + changes
        assert served(client, "story.example") == (said["target_host"] if said and said["enabled"] else "")
        if said is None:
            assert answer.json() == {"lookup_key": "story.example", "deleted": True, "revision": before + changes}
            assert answer.headers["Cache-Control"] == "no-store"
            assert "ETag" not in answer.headers
        else:
            assert answer.json() == client.get("/overrides/story.example").json()
            assert answer.etag == client.get("/overrides/story.example").etag
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.json()["revision"] <= before + changes


def test_a_revision_between_two_changes_counts_as_the_one_before_it(client, story):
    client.set("other.example", "10.0.0.5")
    between = now(client)
    client.set("story.example", "10.0.0.8")
    assert revert(client, "story.example", between).status == 200
    assert stored(client, "story.example") == story[-1][1]


def test_a_revert_is_a_change_like_any_other(client, story):
    row = client.get("/overrides/story.example").json()
    answer = revert(client, "story.example", story[1][0], X_Waypost_Reason="back to the first")
    after = answer.json()
    assert after["created_at"] == row["created_at"]
    assert after["updated_at"] > row["updated_at"]
    entry = client.get("/overrides/story.example/history?limit=1").json()["history"][0]
    assert (entry["reason"], entry["op"], entry["before"], entry["after"]) == ("back to the first", "put", row, after)
    assert entry["revision"] == after["revision"] == story[-1][0] + 1
    revert(client, "story.example", 0 if story[0][0] == 0 else story[0][0])
    entry = client.get("/overrides/story.example/history?limit=1").json()["history"][0]
    assert (entry["reason"], entry["op"], entry["before"], entry["after"]) == ("", "delete", after, None)


def test_a_revert_twice_is_a_revert_once(client, story):
    for revision in (story[2][0], story[4][0]):
        first = revert(client, "story.example", revision)
        again = revert(client, "story.example", revision)
        assert again.status == 200
        assert again.json() == first.json()
        assert again.headers.get("ETag") == first.headers.get("ETag")


def test_a_revert_of_a_revert(client, story):
    last = now(client)
    revert(client, "story.example", story[1][0])
    revert(client, "story.example", last)
    assert stored(client, "story.example") == story[-1][1]


@pytest.mark.parametrize("comment", AWKWARD)
def test_comments_come_back_byte_for_byte(client, comment):
    client.set("awkward.example", "10.0.0.5", comment=comment)
    revision = now(client)
    client.delete("/overrides/awkward.example")
    assert revert(client, "awkward.example", revision).json()["comment"] == comment


def test_any_spelling_of_a_key_can_be_reverted(client):
    client.set("2001:db8::7", "10.0.0.5")
    revision = now(client)
    client.delete("/overrides/2001:db8::7")
    assert revert(client, "[IPv6:2001:DB8:0::7]", revision).json()["lookup_key"] == "2001:db8::7"


def test_preconditions_count(client, story):
    etag = client.get("/overrides/story.example").etag
    for revision, _ in story:
        refused(revert(client, "story.example", revision, If_Match='"0-0"'), 412, "stale")
        refused(revert(client, "story.example", revision, If_Match='W/' + etag), 412, "stale")
    assert client.get("/overrides/story.example").etag == etag
    refused(revert(client, "story.example", story[1][0], If_None_Match="*"), 412, "stale")
    refused(revert(client, "story.example", story[1][0], If_Match="7"), 400, "bad_request")
    answer = revert(client, "story.example", story[1][0], If_Match=f'"0-0", {etag}')
    assert answer.status == 200
    refused(revert(client, "story.example", story[2][0], If_Match=etag), 412, "stale")
    assert revert(client, "story.example", story[0][0], If_Match="*").json()["deleted"] is True
    refused(revert(client, "story.example", story[0][0], If_Match="*"), 412, "stale")
    refused(revert(client, "story.example", now(client), If_Match="*"), 412, "stale")
    refused(revert(client, "story.example", story[1][0], If_Match="*"), 412, "stale")
    assert revert(client, "story.example", story[0][0], If_None_Match="*").json()["deleted"] is True
    assert revert(client, "story.example", story[1][0], If_None_Match="*").status == 200


def test_a_key_that_was_never_known_cannot_be_reverted(client):
    refused(revert(client, "never.example", 0), 404, "not_found")
    refused(revert(client, "never.example", now(client)), 404, "not_found")


def test_a_revision_ahead_of_the_data_is_refused(client):
    client.set("example.org", "10.0.0.5")
    for revision in (now(client) + 1, (1 << 63) - 1):
        refused(revert(client, "example.org", revision), 422, "invalid", "revision")


@pytest.mark.parametrize("body, status, field", [
    ({}, 422, "revision"), ({"revision": None}, 422, "revision"), ({"revision": -1}, 422, "revision"),
    ({"revision": 1.5}, 422, "revision"), ({"revision": "1"}, 422, "revision"), ({"revision": True}, 422, "revision"),
    ({"revision": [1]}, 422, "revision"), ({"revision": 1, "at": 1}, 422, "at"), ([], 422, "body"),
    (b'{"revision":1,"revision":1}', 422, "revision"), (b'{"revision":9223372036854775808}', 400, None),
    (b"", 400, None), (b"{", 400, None), (b"\xff", 400, None), (b'{"comment":"' + b"x" * 70000 + b'"}', 413, None),
])
def test_bodies_that_break_a_rule(client, body, status, field):
    client.set("example.org", "10.0.0.5")
    answer = client.request("POST", "/overrides/example.org/revert", body, {"Content-Type": "application/json"})
    code = {400: "bad_request", 413: "too_large", 422: "invalid"}[status]
    refused(answer, status, code, field)


def test_paths_and_parameters_that_break_a_rule(client):
    refused(revert(client, "a%20b", 0), 422, "invalid", "key")
    refused(client.post("/overrides/example.org/revert?x=1", {"revision": 0}), 422, "invalid", "x")
    refused(client.request("POST", "/overrides/example.org/revert", b'{"revision":0}', {"Content-Type": "text/plain"}),
            415, "unsupported_media_type")


def test_reverts_beside_writers_are_whole(client):
    """Whoever comes last wins; nobody is told of a state that never was."""
    key = "contended.example"
    client.set(key, "10.0.0.1", comment="old")
    old = now(client)
    client.set(key, "10.0.0.2", comment="new")

    def write(number):
        if number % 2:
            return revert(client, key, old)
        return client.put(f"/overrides/{key}", {"target_host": "10.0.0.2", "comment": "new"})

    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(write, range(80)))
    for answer in answers:
        assert answer.status == 200, answer.text
        row = answer.json()
        assert (row["target_host"], row["comment"]) in (("10.0.0.1", "old"), ("10.0.0.2", "new"))


# --- a whole change -------------------------------------------------------------------------------

def test_undoing_a_change_a_creation_and_a_deletion(client):
    key = "undone.example"
    client.set(key, "10.0.0.5", comment="ü \"first\"")
    first = stored(client, key)
    changed = client.set(key, "10.0.0.6").json()["revision"]
    answer = undo(client, changed)
    assert answer.status == 200
    assert answer.json() == {"revision": changed + 1, "reverted": [key]}
    assert answer.headers["Cache-Control"] == "no-store"
    assert stored(client, key) == first
    assert served(client, key) == "10.0.0.5"

    client.delete(f"/overrides/{key}")
    deleted = now(client)
    assert undo(client, deleted).json() == {"revision": deleted + 1, "reverted": [key]}
    assert stored(client, key) == first

    created = client.set("created.example", "10.0.0.5").json()["revision"]
    assert undo(client, created).json() == {"revision": created + 1, "reverted": ["created.example"]}
    assert stored(client, "created.example") is None
    assert served(client, "created.example") == ""


def test_an_undo_can_be_undone(client):
    key = "again.example"
    client.set(key, "10.0.0.5")
    changed = client.set(key, "10.0.0.6").json()["revision"]
    for turn in range(4):
        assert undo(client, changed + turn).json()["revision"] == changed + turn + 1
        assert served(client, key) == ("10.0.0.5" if turn % 2 == 0 else "10.0.0.6")


def test_an_undo_is_told_with_its_reason(client):
    revision = client.set("told.example", "10.0.0.5").json()["revision"]
    assert undo(client, revision, X_Waypost_Reason="a mistake, ü".encode()).status == 200
    entry = client.get("/history?limit=1").json()["history"][0]
    assert (entry["op"], entry["lookup_key"], entry["reason"]) == ("delete", "told.example", "a mistake, ü")
    assert undo(client, revision + 1).status == 200
    assert client.get("/history?limit=1").json()["history"][0]["reason"] == ""


@pytest.mark.parametrize("later", ["put", "delete", "deleted and made again", "deleted, made and deleted again"])
def test_what_has_changed_since_is_not_undone(client, later):
    key = "since.example"
    revision = client.set(key, "10.0.0.5").json()["revision"]
    if later == "put":
        client.set(key, "10.0.0.6")
    else:
        client.delete(f"/overrides/{key}")
    if later.startswith("deleted"):
        client.set(key, "10.0.0.5")
    if later.endswith("deleted again"):
        client.delete(f"/overrides/{key}")
    before, newest = stored(client, key), now(client)
    answer = refused(undo(client, revision), 409, "changed_since", key)
    assert str(newest) in answer.json()["errors"][0]["message"]
    assert stored(client, key) == before
    assert now(client) == newest


def test_a_change_of_another_key_does_not_matter(client):
    revision = client.set("mine.example", "10.0.0.5").json()["revision"]
    client.set("other.example", "10.0.0.6")
    assert undo(client, revision).status == 200
    assert stored(client, "other.example") is not None


def test_a_change_is_undone_once(client):
    """The second of two at once finds that it has changed since."""
    for number in range(10):
        revision = client.set("once.example", f"10.0.1.{number}").json()["revision"]
        with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
            answers = list(pool.map(lambda _, revision=revision: undo(client, revision), range(4)))
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
        for answer in answers:
            if answer.status == 409:
                assert answer.code == "changed_since"
                assert answer.fields() == ["once.example"]
        client.delete("/overrides/once.example")


@pytest.mark.parametrize("path", ["0", "-1", "x", "1.5", "", "9223372036854775808", "1%00", "+1", "%31x"])
def test_what_is_no_revision_is_refused(client, path):
    refused(client.request("POST", f"/history/{path}/revert"), 422, "invalid", "revision")


def test_a_revision_that_is_not_there_is_not_found(client):
    refused(undo(client, now(client) + 1), 404, "not_found")
    refused(undo(client, (1 << 63) - 1), 404, "not_found")


def test_a_body_is_not_taken(client):
    revision = client.set("bodied.example", "10.0.0.5").json()["revision"]
    refused(client.post(f"/history/{revision}/revert", {}), 400, "bad_request")
    refused(client.request("POST", f"/history/{revision}/revert?x=1"), 422, "invalid", "x")
    empty = client.request("POST", f"/history/{revision}/revert", b"", {"Content-Length": "0"})
    assert empty.status == 200


def test_a_reload_cannot_be_undone(client):
    revision = client.request("POST", "/reload").json()["revision"]
    answer = refused(undo(client, revision), 422, "invalid", "revision")
    assert "reload" in answer.json()["detail"]


# --- what is not kept -----------------------------------------------------------------------------

def test_what_the_history_does_not_reach_is_gone(database, launch):
    program = launch(database=database.url)
    for number in range(5):
        program.client.set("example.org", f"10.0.0.{number}")
    program.client.set("young.example", "10.0.0.5")
    program.stop()
    database.execute("UPDATE override_state SET low = 3, history_low = 3")
    client = launch(database=database.url).client
    refused(revert(client, "example.org", 2), 410, "gone")
    refused(undo(client, 3), 410, "gone")
    refused(undo(client, 1), 410, "gone")
    assert revert(client, "example.org", 3).json()["target_host"] == "10.0.0.2"
    assert undo(client, 6).status == 200
    assert [entry["revision"] for entry in client.get("/overrides/example.org/history").json()["history"]] == [7, 5, 4]


def test_changes_from_before_rows_were_kept(database, launch):
    """As a database of an older version has them."""
    program = launch(database=database.url)
    program.client.set("example.org", "10.0.0.5")
    program.client.set("example.org", "10.0.0.6")
    program.stop()
    database.execute("UPDATE override_change SET row_before = NULL, row_after = NULL")
    client = launch(database=database.url).client
    entries = client.get("/overrides/example.org/history").json()["history"]
    assert [(entry["before"], entry["after"]) for entry in entries] == [(None, None)] * 2
    answer = refused(undo(client, 2), 422, "invalid", "revision")
    assert "recorded before" in answer.json()["detail"]
    refused(revert(client, "example.org", 1), 422, "invalid", "revision")
    assert stored(client, "example.org")["target_host"] == "10.0.0.6"
    assert revert(client, "example.org", 2).json()["revision"] == 2


def test_a_revision_that_the_log_has_lost_is_gone(database, launch):
    program = launch(database=database.url)
    program.client.set("example.org", "10.0.0.5")
    program.client.set("other.example", "10.0.0.6")
    program.stop()
    database.execute("DELETE FROM override_change WHERE revision = 1")
    refused(undo(launch(database=database.url).client, 1), 410, "gone")


def test_what_was_stored_by_other_rules_is_refused_in_words(database, launch):
    program = launch(database=database.url)
    program.client.set("example.org", "10.0.0.5")
    program.client.set("example.org", "10.0.0.6")
    program.stop()
    database.execute("UPDATE override_change SET row_before = REPLACE(row_before, '10.0.0.5', 'not a host') "
                     "WHERE revision = 2")
    client = launch(database=database.url).client
    for answer in (undo(client, 2), revert(client, "example.org", 1)):
        refused(answer, 422, "invalid", "revision")
        assert "any more: target_host: " in answer.json()["detail"]
    assert stored(client, "example.org")["target_host"] == "10.0.0.6"


@pytest.fixture
def grouped(database, launch):
    """A database whose first revision made three overrides, as a bulk change does."""
    program = launch(database=database.url)
    for name in ("a", "b", "c"):
        program.client.set(f"{name}.example", "10.0.0.5", comment=f"of {name}")
    program.stop()
    columns = "tx, place, op, lookup_key, at, actor, reason, row_before, row_after"
    for seq in (1, 2):
        database.execute(f"INSERT INTO override_change (revision, seq, {columns}) "
                         f"SELECT 1, {seq}, X'0123456789abcdef0123456789abcdef', {seq}, op, lookup_key, at, actor, "
                         f"reason, row_before, row_after FROM override_change WHERE revision = {seq + 1}")
    database.execute("DELETE FROM override_change WHERE revision > 1")
    database.execute("UPDATE dns_overrides SET revision = 1")
    database.execute("UPDATE override_state SET n = 1")
    return database


def test_a_change_of_several_overrides_is_undone_as_one(grouped, launch):
    client = launch(database=grouped.url).client
    keys = ["a.example", "b.example", "c.example"]
    assert undo(client, 1).json() == {"revision": 2, "reverted": keys}
    assert client.get("/overrides").json()["overrides"] == []
    assert [served(client, key) for key in keys] == ["", "", ""]
    page = client.get("/changes?since=1&limit=1").json()
    assert [(change["revision"], change["op"], change["lookup_key"]) for change in page["changes"]] == [
        (2, "delete", key) for key in keys]
    assert client.get("/history?limit=2").json()["history"][0]["lookup_key"] == "c.example"
    assert undo(client, 2).json() == {"revision": 3, "reverted": keys}
    rows = client.get("/overrides").json()["overrides"]
    assert [(row["lookup_key"], row["comment"], row["revision"]) for row in rows] == [
        (key, f"of {key[0]}", 3) for key in keys]


def test_all_or_none_of_a_change_is_undone(grouped, launch):
    client = launch(database=grouped.url).client
    client.set("a.example", "10.0.0.6")
    client.delete("/overrides/c.example")
    before = client.get("/overrides").json()
    answer = undo(client, 1)
    refused(answer, 409, "changed_since")
    assert sorted(answer.fields()) == ["a.example", "c.example"]
    assert "2" in answer.json()["detail"]
    assert client.get("/overrides").json() == before


def test_pages_of_the_history_may_end_inside_a_revision(grouped, launch):
    client = launch(database=grouped.url).client
    seen, cursor = [], None
    while True:
        page = client.get("/history?limit=2" + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [entry["lookup_key"] for entry in page["history"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["c.example", "b.example", "a.example"]


def test_a_row_that_was_changed_by_sql_is_found_out_in_the_transaction(maria, launch):
    """Its revision is another than the log says: the group refuses it."""
    name = maria.new_database()
    client = launch(database=maria.url(name)).client
    revision = client.set("example.org", "10.0.0.5").json()["revision"]
    maria.sql("UPDATE dns_overrides SET revision = revision + 100", name)
    refused(undo(client, revision), 409, "changed_since", "example.org")
    maria.sql("DELETE FROM dns_overrides", name)
    refused(undo(client, revision), 409, "changed_since", "example.org")


def test_reverts_are_seen_by_other_instances(maria, launch):
    url = maria.url(maria.new_database())
    one, other = launch(database=url), launch(database=url)
    one.client.set("example.org", "10.0.0.5")
    changed = one.client.set("example.org", "10.0.0.6").json()["revision"]
    eventually(lambda: served(other.client, "example.org") == "10.0.0.6", 5, "the change")
    assert revert(other.client, "example.org", 1).status == 200
    eventually(lambda: served(one.client, "example.org") == "10.0.0.5", 5, "the revert")
    assert undo(one.client, changed + 1).status == 200
    eventually(lambda: served(other.client, "example.org") == "10.0.0.6", 5, "the undo")

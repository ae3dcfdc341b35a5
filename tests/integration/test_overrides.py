"""An operator creates, reads, changes and deletes overrides."""
import datetime
import threading

import pytest

ROW = {"lookup_key", "target_host", "comment", "enabled", "created_at", "created_by", "updated_at",
       "updated_by", "revision"}


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def time_of(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def problem(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer.text
    if field is not None:
        assert field in answer.fields(), answer.text


def test_create_answers_with_the_row_and_where_it_is(client):
    before = now()
    answer = client.post("/overrides", {"lookup_key": "Example.ORG.", "target_host": "10.0.0.5",
                                        "comment": "ticket 4711"})
    assert answer.status == 201
    row = answer.json()
    assert set(row) == ROW
    assert row["lookup_key"] == "example.org"
    assert row["target_host"] == "10.0.0.5"
    assert row["comment"] == "ticket 4711"
    assert row["enabled"] is True
    assert row["revision"] == answer.revision
    assert row["created_at"] == row["updated_at"]
    tolerance = datetime.timedelta(seconds=2)
    assert before - tolerance <= time_of(row["created_at"]) <= now() + tolerance
    assert answer.headers["Location"] == "/overrides/example.org"
    read = client.get(answer.headers["Location"])
    assert read.json() == row
    assert read.etag == answer.etag


def test_create_of_a_taken_key_is_refused_in_every_spelling(client):
    client.set("example.org", "10.0.0.5")
    before = client.get("/overrides/example.org")
    for spelling in ("example.org", "EXAMPLE.org", "example.org.", " example.org "):
        answer = client.post("/overrides", {"lookup_key": spelling, "target_host": "10.0.0.6"})
        problem(answer, 409, "exists")
    assert client.get("/overrides/example.org").json() == before.json()


def test_an_ipv6_key_has_a_location_that_works(client):
    answer = client.post("/overrides", {"lookup_key": "[IPv6:2001:DB8:0::1]", "target_host": "::1"})
    assert answer.status == 201
    assert answer.json()["lookup_key"] == "2001:db8::1"
    assert client.get(answer.headers["Location"]).json() == answer.json()


def test_put_creates_then_replaces(client):
    first = client.put("/overrides/example.org", {"target_host": "a.example", "comment": "x",
                                                  "enabled": False})
    assert first.status == 201
    assert first.headers["Location"] == "/overrides/example.org"
    assert first.json()["enabled"] is False
    second = client.put("/overrides/example.org", {"target_host": "b.example"})
    assert second.status == 200
    row = second.json()
    assert row["target_host"] == "b.example"
    assert row["comment"] == "", "omitted fields take their defaults"
    assert row["enabled"] is True
    assert row["created_at"] == first.json()["created_at"]
    assert row["updated_at"] > first.json()["updated_at"]
    assert row["revision"] == first.json()["revision"] + 1
    assert second.etag != first.etag


def test_every_change_is_one_revision(client):
    start = client.get("/overrides").revision
    client.set("a.example", "10.0.0.1")
    client.set("b.example", "10.0.0.1")
    client.patch("/overrides/a.example", {"comment": "x"})
    answer = client.delete("/overrides/b.example")
    assert answer.revision == start + 4
    assert client.get("/overrides/a.example").json()["revision"] == start + 3


def test_a_write_that_changes_nothing_makes_no_revision(client):
    first = client.set("example.org", "10.0.0.5", comment="x")
    for answer in (client.put("/overrides/example.org", {"target_host": "10.0.0.5", "comment": "x"}),
                   client.put("/overrides/EXAMPLE.org.", {"target_host": "[10.0.0.5]", "comment": "x"}),
                   client.patch("/overrides/example.org", {}),
                   client.patch("/overrides/example.org", {"comment": "x", "enabled": None})):
        assert answer.status == 200
        assert answer.json() == first.json()
        assert answer.etag == first.etag
        assert answer.revision == first.revision


def test_patch_changes_what_is_named(client):
    first = client.set("example.org", "10.0.0.5", comment="x", enabled=False).json()
    changed = client.patch("/overrides/example.org", {"target_host": "b.example"}).json()
    assert changed == {**first, "target_host": "b.example", "updated_at": changed["updated_at"],
                       "revision": first["revision"] + 1}
    defaults = client.patch("/overrides/example.org", {"comment": None, "enabled": None}).json()
    assert (defaults["comment"], defaults["enabled"]) == ("", True)
    assert defaults["target_host"] == "b.example"


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json",
                                          "application/json; charset=utf-8",
                                          "Application/Merge-Patch+JSON"])
def test_patch_takes_both_media_types(client, content_type):
    client.set("example.org", "10.0.0.5")
    answer = client.patch("/overrides/example.org", b'{"comment":"y"}', Content_Type=content_type)
    assert (answer.status, answer.json()["comment"]) == (200, "y")


def test_patch_never_creates(client):
    problem(client.patch("/overrides/example.org", {"target_host": "10.0.0.5"}), 404, "not_found")
    problem(client.get("/overrides/example.org"), 404, "not_found")


def test_patch_cannot_take_the_target_away(client):
    client.set("example.org", "10.0.0.5")
    problem(client.patch("/overrides/example.org", {"target_host": None}), 422, "invalid", "target_host")
    assert client.get("/overrides/example.org").json()["target_host"] == "10.0.0.5"


def test_put_needs_a_target(client):
    problem(client.put("/overrides/example.org", {}), 422, "invalid", "target_host")
    problem(client.put("/overrides/example.org", {"target_host": None}), 422, "invalid", "target_host")
    problem(client.post("/overrides", {"lookup_key": "example.org"}), 422, "invalid", "target_host")
    problem(client.post("/overrides", {"target_host": "10.0.0.5"}), 422, "invalid", "lookup_key")
    problem(client.get("/overrides/example.org"), 404, "not_found")


def test_the_key_cannot_be_renamed(client):
    client.set("example.org", "10.0.0.5")
    body = {"lookup_key": "example.net", "target_host": "10.0.0.6"}
    problem(client.put("/overrides/example.org", body), 422, "invalid", "lookup_key")
    problem(client.patch("/overrides/example.org", body), 422, "invalid", "lookup_key")
    problem(client.get("/overrides/example.net"), 404, "not_found")
    assert client.get("/overrides/example.org").json()["target_host"] == "10.0.0.5"


def test_the_same_key_in_another_spelling_is_no_renaming(client):
    body = {"lookup_key": " [IPv6:2001:DB8::1] ", "target_host": "10.0.0.6"}
    assert client.put("/overrides/2001:db8:0:0::1", body).status == 201
    assert client.patch("/overrides/2001:db8::1", {**body, "comment": "z"}).status == 200


def test_what_was_read_can_be_edited_and_sent_back(client):
    row = client.set("example.org", "10.0.0.5").json()
    row.update(comment="edited", revision=row["revision"] + 500, created_at="1999-01-01T00:00:00.000000Z",
               created_by="mallory", updated_by="mallory", updated_at="1999-01-01T00:00:00.000000Z")
    answer = client.put("/overrides/example.org", row)
    assert answer.status == 200
    after = answer.json()
    assert after["comment"] == "edited"
    assert after["revision"] == answer.revision < row["revision"]
    for field in ("created_at", "updated_at"):
        assert after[field] > "2020"
    assert "mallory" not in (after["created_by"], after["updated_by"])


def test_only_read_only_fields_in_a_patch_change_nothing(client):
    row = client.set("example.org", "10.0.0.5")
    answer = client.patch("/overrides/example.org", {"revision": 99, "updated_by": "mallory"})
    assert (answer.status, answer.json()) == (200, row.json())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_unknown_fields_are_named(client, method):
    target = "/overrides" if method == "POST" else "/overrides/example.org"
    client.set("example.org", "10.0.0.5")
    before = client.get("/overrides")
    body = {"lookup_key": "example.org", "target_host": "10.0.0.6", "tragets": []}
    problem(client.request(method, target, body), 422, "invalid", "tragets")
    assert client.get("/overrides").json() == before.json()


def test_all_broken_fields_of_a_body_or_the_first_are_named(client):
    answer = client.post("/overrides", {"lookup_key": "a b", "target_host": "http://x/", "enabled": 1})
    problem(answer, 422, "invalid")
    assert set(answer.fields()) <= {"lookup_key", "target_host", "enabled"}


def test_delete_takes_it_away(client):
    client.set("example.org", "10.0.0.5")
    answer = client.delete("/overrides/EXAMPLE.ORG")
    assert (answer.status, answer.body) == (204, b"")
    problem(client.get("/overrides/example.org"), 404, "not_found")
    problem(client.delete("/overrides/example.org"), 404, "not_found")
    assert client.set("example.org", "10.0.0.5").status == 201


def test_the_tag_of_a_recreated_row_is_new(client):
    first = client.set("example.org", "10.0.0.5")
    client.delete("/overrides/example.org")
    assert client.set("example.org", "10.0.0.5").etag != first.etag


def test_comments_hold_what_people_write(client):
    for comment in ("", "a" * 1024, "ü" * 1024, "\U0001f4ee" * 1024, "two\nlines\tand a tab", '"\\/<>&',
                    "e\u0301 \u202e"):
        assert client.set("example.org", "10.0.0.5", comment=comment).json()["comment"] == comment
        assert client.get("/overrides/example.org").json()["comment"] == comment


# --- preconditions --------------------------------------------------------------------------------

WRITES = {
    "PUT": {"target_host": "10.0.0.9"},
    "PATCH": {"target_host": "10.0.0.9"},
    "DELETE": None,
}


@pytest.mark.parametrize("method", WRITES)
def test_if_match_of_the_present_row_lets_it_through(client, method):
    etag = client.set("example.org", "10.0.0.5").etag
    answer = client.request(method, "/overrides/example.org", WRITES[method],
                            {"If-Match": f'"other", {etag}'})
    assert answer.status in (200, 204)


@pytest.mark.parametrize("method", WRITES)
def test_if_match_of_an_older_row_is_stale(client, method):
    etag = client.set("example.org", "10.0.0.5").etag
    now_there = client.set("example.org", "10.0.0.6")
    answer = client.request(method, "/overrides/example.org", WRITES[method], {"If-Match": etag})
    problem(answer, 412, "stale")
    assert client.get("/overrides/example.org").json() == now_there.json()


@pytest.mark.parametrize("method", WRITES)
def test_a_weak_tag_never_matches(client, method):
    etag = client.set("example.org", "10.0.0.5").etag
    answer = client.request(method, "/overrides/example.org", WRITES[method], {"If-Match": "W/" + etag})
    problem(answer, 412, "stale")
    assert client.get("/overrides/example.org").etag == etag


@pytest.mark.parametrize("method", WRITES)
def test_if_match_star_means_that_there_is_a_row(client, method):
    client.set("example.org", "10.0.0.5")
    answer = client.request(method, "/overrides/example.org", WRITES[method], {"If-Match": "*"})
    assert answer.status in (200, 204)


@pytest.mark.parametrize("condition", ["*", '"7-0"'])
def test_if_match_on_an_absent_key_is_stale_for_put(client, condition):
    answer = client.put("/overrides/example.org", {"target_host": "10.0.0.5"}, If_Match=condition)
    problem(answer, 412, "stale")
    problem(client.get("/overrides/example.org"), 404, "not_found")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_on_an_absent_key_is_refused(client, method):
    answer = client.request(method, "/overrides/example.org", WRITES[method], {"If-Match": '"7-0"'})
    assert answer.status in (404, 412)


@pytest.mark.parametrize("method", WRITES)
def test_if_none_match_star_on_a_present_key_is_stale(client, method):
    etag = client.set("example.org", "10.0.0.5").etag
    answer = client.request(method, "/overrides/example.org", WRITES[method], {"If-None-Match": "*"})
    problem(answer, 412, "stale")
    assert client.get("/overrides/example.org").etag == etag


def test_if_none_match_star_creates_only(client):
    answer = client.put("/overrides/example.org", {"target_host": "10.0.0.5"}, If_None_Match="*")
    assert answer.status == 201


def test_of_many_conditional_writers_one_wins(client):
    etag = client.set("example.org", "10.0.0.5").etag
    statuses = []

    def write(number):
        answer = client.put("/overrides/example.org", {"target_host": f"10.0.1.{number}"}, If_Match=etag)
        statuses.append((answer.status, number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [number for status, number in statuses if status == 200]
    assert len(winners) == 1 and len(statuses) == 16, statuses
    assert {status for status, _ in statuses} == {200, 412}
    assert client.get("/overrides/example.org").json()["target_host"] == f"10.0.1.{winners[0]}"


def test_of_many_creators_one_wins(client):
    answers = []

    def create(number):
        answers.append(client.post("/overrides", {"lookup_key": "example.org",
                                                  "target_host": f"10.0.1.{number}"}))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201] + [409] * 15
    created = next(answer for answer in answers if answer.status == 201)
    assert client.get("/overrides/example.org").json() == created.json()


def test_concurrent_writers_get_dense_revisions_and_read_their_own_writes(client):
    start = client.get("/overrides").revision
    revisions, wrong = [], []

    def write(number):
        held = client.held()
        for turn in range(10):
            row = held.set(f"w{number}-{turn}.example", "10.0.0.5").json()
            revisions.append(row["revision"])
            found = held.get(f"/resolve/w{number}-{turn}.example?fallback=none").json()
            if found["target_host"] != "10.0.0.5":
                wrong.append(found)
        held.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(revisions) == list(range(start + 1, start + 81))


# --- reading conditionally, HEAD ------------------------------------------------------------------

def test_an_unchanged_row_is_not_sent_again(client):
    etag = client.set("example.org", "10.0.0.5").etag
    for condition in (etag, "W/" + etag, f'"x", {etag}', "*"):
        answer = client.get("/overrides/example.org", If_None_Match=condition)
        assert (answer.status, answer.etag) == (304, etag)
    client.set("example.org", "10.0.0.6")
    assert client.get("/overrides/example.org", If_None_Match=etag).status == 200


def test_head_of_a_row(client):
    etag = client.set("example.org", "10.0.0.5").etag
    get, head = client.get("/overrides/example.org"), client.head("/overrides/example.org")
    assert head.status == 200
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control", "X-Waypost-Revision"):
        assert head.headers[name] == get.headers[name], name
    assert client.head("/overrides/example.org", If_None_Match=etag).status == 304
    assert client.head("/overrides/absent.example").status == 404


def test_many_requests_over_one_connection(client):
    held = client.held()
    for number in range(50):
        assert held.set(f"k{number}.example", "10.0.0.5").status == 201
        assert held.get(f"/overrides/k{number}.example").status == 200
        assert held.delete(f"/overrides/k{number}.example").status == 204
        assert held.get(f"/overrides/k{number}.example").status == 404
    held.close()

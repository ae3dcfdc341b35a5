"""Several instances share one MariaDB: what one commits, the others answer."""
import threading

import pytest

from http_client import eventually


@pytest.fixture
def pair(maria, launch):
    url = maria.url(maria.new_database())
    return launch(database=url), launch(database=url)


def overrides(program):
    return {row["lookup_key"]: row["target_host"]
            for row in program.client.get("/overrides?limit=1000").json()["overrides"] if row["enabled"]}


def seen(program, key):
    answer = program.client.get(f"/resolve/{key}?fallback=none").json()
    return answer["target_host"] or None


def test_a_change_through_one_is_answered_by_the_other(pair):
    one, other = pair
    one.client.set("example.org", "10.0.0.5")
    eventually(lambda: seen(other, "example.org") == "10.0.0.5", 5, "the new override")
    other.client.set("example.org", "10.0.0.6")
    assert seen(other, "example.org") == "10.0.0.6"
    eventually(lambda: seen(one, "example.org") == "10.0.0.6", 5, "the change")
    assert one.client.patch("/overrides/example.org", {"enabled": False}).status == 200
    eventually(lambda: seen(other, "example.org") is None, 5, "the switching off")
    assert other.client.patch("/overrides/example.org", {"enabled": True}).status == 200
    eventually(lambda: seen(one, "example.org") == "10.0.0.6", 5, "the switching on")
    assert one.client.delete("/overrides/example.org").status == 204
    eventually(lambda: seen(other, "example.org") is None, 5, "the delete")


def test_revisions_are_one_sequence(pair):
    one, other = pair
    for number in range(10):
        writer = pair[number % 2]
        answer = writer.client.put("/overrides/example.org", {"target_host": f"10.0.0.{number}"})
        assert answer.json()["revision"] == number + 1
    for program in pair:
        eventually(lambda program=program: program.readiness()["revision"] == 10, 5, "the last revision")


def test_an_etag_of_one_holds_at_the_other(pair):
    one, other = pair
    one.client.set("example.org", "10.0.0.5")
    etag = one.client.get("/overrides/example.org").headers["ETag"]
    assert other.client.put("/overrides/example.org", {"target_host": "10.0.0.6"}, If_Match=etag).status == 200
    assert one.client.put("/overrides/example.org", {"target_host": "10.0.0.7"}, If_Match=etag).status == 412


def test_writers_through_both_leave_both_equal_to_the_database(pair):
    """The same few keys from both sides, puts and deletes: memory and rows agree in the end."""
    def write(program, seed):
        for turn in range(60):
            key = f"/overrides/k{(seed * 7 + turn * 3) % 10}.example"
            if (turn + seed) % 4 == 3:
                assert program.client.delete(key).status in (204, 404)
            else:
                assert program.client.put(key, {"target_host": f"10.{seed}.0.{turn}"}).status in (200, 201)

    failed = []

    def guarded(program, seed):
        try:
            write(program, seed)
        except AssertionError as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(pair[seed % 2], seed)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    rows = overrides(pair[0])
    assert rows == overrides(pair[1])
    newest = pair[0].client.set("last.example", "10.9.9.9").json()["revision"]
    for program in pair:
        eventually(lambda program=program: program.readiness()["revision"] == newest, 5, "the last revision")
        assert {key: seen(program, key) for key in (f"k{n}.example" for n in range(10))} == \
            {f"k{n}.example": rows.get(f"k{n}.example") for n in range(10)}

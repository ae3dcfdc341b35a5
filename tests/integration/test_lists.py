"""An operator looks through the overrides, page by page, while others write."""
import threading
import urllib.parse

import pytest


def fill(client, count, target="10.0.0.5"):
    held = client.held()
    for number in range(count):
        held.set(f"k{number:03}.example", target, comment=f"number {number}")
    held.close()
    return [f"k{number:03}.example" for number in range(count)]


def pages(client, query="", limit=7):
    """Every page from first to last, as answers."""
    cursor = None
    while True:
        target = f"/overrides?limit={limit}" + (f"&{query}" if query else "")
        if cursor:
            target += "&cursor=" + urllib.parse.quote(cursor)
        answer = client.get(target)
        assert answer.status == 200, answer.text
        yield answer
        cursor = answer.json().get("next_cursor")
        if not cursor:
            return


def rows(client, query="", limit=7):
    return [row for page in pages(client, query, limit) for row in page.json()["overrides"]]


def keys(client, query="", limit=7):
    return [row["lookup_key"] for row in rows(client, query, limit)]


def refused(client, target, field):
    answer = client.get(target)
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == [field]


def test_an_empty_list(client):
    answer = client.get("/overrides")
    assert answer.json()["overrides"] == []
    assert answer.json()["total"] == 0
    assert answer.json().get("next_cursor") is None


def test_rows_in_a_list_are_the_rows_themselves(client):
    row = client.set("example.org", "10.0.0.5", comment="x", enabled=False).json()
    assert client.get("/overrides").json()["overrides"] == [row]


@pytest.mark.parametrize("limit", [1, 7, 10, 29, 30, 31, 1000])
def test_pages_hold_every_row_once(client, limit):
    expected = fill(client, 30)
    seen = list(pages(client, limit=limit))
    assert [row["lookup_key"] for page in seen for row in page.json()["overrides"]] == expected
    assert all(page.json()["total"] == 30 for page in seen)
    assert all(len(page.json()["overrides"]) == limit for page in seen[:-1])
    assert len(seen) == -(-30 // limit)


def test_the_default_page_has_100_rows(client):
    fill(client, 101)
    first = client.get("/overrides").json()
    assert (len(first["overrides"]), first["total"]) == (100, 101)
    assert first["next_cursor"]


def test_keys_sort_by_their_bytes_on_every_store(client):
    names = ["a.example", "a-b.example", "ab.example", "a_b.example", "a.b.example", "10.0.0.2", "10.0.0.10",
             "2001:db8::1", "xn--bcher-kva.example", "z.example", "0.example"]
    for name in names:
        client.set(name, "192.0.2.1")
    assert keys(client, limit=3) == sorted(names)
    assert keys(client, "sort=-lookup_key", limit=3) == sorted(names, reverse=True)


def test_sort_by_target_then_key(client):
    placed = [("a.example", "z.example.net"), ("b.example", "10.0.0.1"), ("c.example", "z.example.net"),
              ("d.example", "10.0.0.1"), ("e.example", "m.example.net")]
    for key, target in placed:
        client.set(key, target)
    expected = [key for key, target in sorted(placed, key=lambda pair: (pair[1], pair[0]))]
    assert keys(client, "sort=target_host", limit=2) == expected
    assert keys(client, "sort=-target_host", limit=2) == expected[::-1]


def test_sort_by_the_last_change(client):
    expected = fill(client, 9)
    client.patch("/overrides/k004.example", {"comment": "newest"})
    expected.append(expected.pop(4))
    assert keys(client, "sort=updated_at", limit=2) == expected
    assert keys(client, "sort=-updated_at", limit=2) == expected[::-1]


def test_q_finds_in_key_target_and_comment_in_either_case(client):
    client.set("Needle-one.example", "10.0.0.1")
    client.set("b.example", "needle.example.net")
    client.set("c.example", "10.0.0.1", comment="about the NeeDle")
    client.set("d.example", "10.0.0.1", comment="about the haystack")
    for q in ("needle", "NEEDLE", "eedl"):
        assert keys(client, f"q={q}", limit=2) == ["b.example", "c.example", "needle-one.example"]
    assert client.get("/overrides?q=needle&limit=1").json()["total"] == 3
    assert client.get("/overrides?q=absent").json()["total"] == 0
    assert client.get("/overrides?q=").json()["total"] == 4


def test_q_is_text_and_not_a_pattern(client):
    client.set("a.example", "10.0.0.1", comment="100% sure_thing \\ 'quoted' [x] *")
    client.set("b.example", "10.0.0.1", comment="nothing here")
    for q in ("%", "_", "100%", "e_t", "\\", "'", "[x]", "*", "' OR '1'='1"):
        expected = ["a.example"] if q != "' OR '1'='1" else []
        assert keys(client, "q=" + urllib.parse.quote(q, safe="")) == expected, q


def test_q_finds_beyond_ascii_and_plus_is_a_plus(client):
    client.set("a.example", "10.0.0.1", comment="für Bücher")
    client.set("b.example", "10.0.0.1", comment="user+tag")
    client.set("c.example", "10.0.0.1", comment="user tag")
    assert keys(client, "q=" + urllib.parse.quote("Bücher")) == ["a.example"]
    assert keys(client, "q=user+tag") == ["b.example"]
    assert keys(client, "q=user%20tag") == ["c.example"]
    assert keys(client, "q=user%2Btag") == ["b.example"]


def test_a_list_that_did_not_change_is_not_sent_again(client):
    fill(client, 3)
    first = client.get("/overrides?limit=2")
    assert client.get("/overrides?limit=2", If_None_Match=first.etag).status == 304
    assert client.get("/overrides?limit=2", If_None_Match='W/"other", ' + first.etag).status == 304
    assert client.head("/overrides?limit=2", If_None_Match=first.etag).status == 304
    client.set("k001.example", "10.0.0.6")
    changed = client.get("/overrides?limit=2", If_None_Match=first.etag)
    assert changed.status == 200
    assert changed.etag != first.etag
    client.delete("/overrides/k002.example")
    assert client.get("/overrides?limit=2", If_None_Match=changed.etag).status == 200


def test_head_of_a_list(client):
    fill(client, 3)
    get, head = client.get("/overrides"), client.head("/overrides")
    assert head.status == 200
    for name in ("ETag", "Content-Type", "Content-Length", "X-Waypost-Revision"):
        assert head.headers[name] == get.headers[name], name


@pytest.mark.parametrize("target, field", [
    ("/overrides?limit=0", "limit"), ("/overrides?limit=1001", "limit"), ("/overrides?limit=-1", "limit"),
    ("/overrides?limit=", "limit"), ("/overrides?limit=1.5", "limit"), ("/overrides?limit=0x10", "limit"),
    ("/overrides?limit=+5", "limit"), ("/overrides?limit=99999999999999999999999", "limit"),
    ("/overrides?limit=5&limit=5", "limit"), ("/overrides?limit", "limit"),
    ("/overrides?sort=comment", "sort"), ("/overrides?sort=", "sort"), ("/overrides?sort=LOOKUP_KEY", "sort"),
    ("/overrides?sort=--lookup_key", "sort"), ("/overrides?sort=lookup_key&sort=-lookup_key", "sort"),
    ("/overrides?cursor=", "cursor"), ("/overrides?cursor=AAAA", "cursor"), ("/overrides?cursor=%00", "cursor"),
    ("/overrides?cursor=" + "A" * 3000, "cursor"), ("/overrides?q=a&q=a", "q"),
    ("/overrides?q=" + "a" * 257, "q"), ("/overrides?q=" + "%C3%BC" * 257, "q"),
    ("/overrides?q=%ff", "q"), ("/overrides?q=%00", "q"),
    ("/overrides?page=2", "page"), ("/overrides?Limit=2", "Limit"),
])
def test_parameters_that_break_a_rule_are_named(client, target, field):
    refused(client, target, field)


def test_a_cursor_belongs_to_its_sort_and_q(client):
    fill(client, 5)
    cursor = client.get("/overrides?limit=2&sort=target_host&q=k0").json()["next_cursor"]
    right = client.get(f"/overrides?limit=2&sort=target_host&q=k0&cursor={cursor}")
    assert [row["lookup_key"] for row in right.json()["overrides"]] == ["k002.example", "k003.example"]
    assert client.get(f"/overrides?limit=3&sort=target_host&q=k0&cursor={cursor}").status == 200
    for other in ("sort=-target_host&q=k0", "sort=lookup_key&q=k0", "sort=target_host", "sort=target_host&q=k",
                  "q=k0"):
        refused(client, f"/overrides?limit=2&{other}&cursor={cursor}", "cursor")
    for broken in (cursor[:4], cursor + "!", "A" * len(cursor)):
        refused(client, f"/overrides?limit=2&sort=target_host&q=k0&cursor={broken}", "cursor")


@pytest.mark.parametrize("sort", ["lookup_key", "-lookup_key", "target_host", "-target_host"])
def test_rows_that_stay_appear_exactly_once_while_others_come_and_go(client, sort):
    staying = fill(client, 40)
    stop = threading.Event()
    failures = []

    def disturb():
        held = client.held()
        turn = 0
        try:
            while not stop.is_set():
                key = f"k{turn % 40:03}-{turn % 3}.example"
                held.set(key, f"10.0.0.{turn % 200}")
                held.delete(f"/overrides/{key}")
                turn += 1
        except Exception as error:  # told by the main thread
            failures.append(error)
        held.close()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(5):
            seen = [key for key in keys(client, f"sort={sort}", limit=3) if key in set(staying)]
            assert seen == sorted(staying, reverse=sort.startswith("-"))
    finally:
        stop.set()
        thread.join()
    assert not failures, failures


def test_a_cursor_outlives_the_row_it_points_behind(client):
    expected = fill(client, 6)
    cursor = client.get("/overrides?limit=3").json()["next_cursor"]
    for key in expected[:4]:
        client.delete(f"/overrides/{key}")
    rest = client.get(f"/overrides?limit=3&cursor={cursor}").json()
    assert [row["lookup_key"] for row in rest["overrides"]] == expected[4:]
    assert rest["total"] == 2


def test_disabled_overrides_are_listed(client):
    client.set("off.example", "10.0.0.1", enabled=False)
    assert [row["enabled"] for row in rows(client)] == [False]

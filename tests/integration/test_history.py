"""Somebody asks who changed what, when and why."""
import datetime
import urllib.parse

import pytest

AWKWARD = ['', 'plain', '"quoted" \\ back\\slash', "it's; DROP TABLE x --", "für Bücher 日本語 \U0001f600",
           "tab\tand\nline", "\\u0000 \\n", "</script>&amp;", "x" * 1024, "ü" * 1024, "e\u0301\u200b\ufeff"]


def history(client, target):
    answer = client.get(target)
    assert answer.status == 200, answer.text
    return answer.json()["history"]


def pages(client, target, limit):
    """Every entry, page by page."""
    cursor, entries = None, []
    while True:
        address = target + ("&" if "?" in target else "?") + f"limit={limit}"
        answer = client.get(address + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.text
        page = answer.json()
        assert len(page["history"]) <= limit
        entries += page["history"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


def now(client):
    return client.get("/overrides").revision


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def later(text, micros):
    """The time `micros` microseconds after another, as this API writes times."""
    time = moment(text) + datetime.timedelta(microseconds=micros)
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- one key --------------------------------------------------------------------------------------

def test_the_history_of_a_key_tells_each_change_newest_first(client):
    since = now(client)
    made = client.put("/overrides/story.example", {"target_host": "10.0.0.5"}, X_Waypost_Reason="ticket 1").json()
    off = client.patch("/overrides/story.example", {"enabled": False}, X_Waypost_Reason="ticket 2").json()
    client.delete("/overrides/story.example", X_Waypost_Reason="ticket 3")
    again = client.post("/overrides", {"lookup_key": "story.example", "target_host": "10.0.0.6"},
                        X_Waypost_Reason="ticket 4").json()
    entries = history(client, "/overrides/story.example/history?limit=4")
    times = [entry.pop("at") for entry in entries]
    assert times == sorted(times, reverse=True)
    assert times[0] == again["updated_at"]
    same = {"actor": "-", "lookup_key": "story.example"}
    assert entries == [
        {**same, "revision": since + 4, "reason": "ticket 4", "op": "put", "before": None, "after": again},
        {**same, "revision": since + 3, "reason": "ticket 3", "op": "delete", "before": off, "after": None},
        {**same, "revision": since + 2, "reason": "ticket 2", "op": "put", "before": made, "after": off},
        {**same, "revision": since + 1, "reason": "ticket 1", "op": "put", "before": None, "after": made}]


def test_a_key_that_was_deleted_has_a_history(client):
    client.set("left.example", "10.0.0.5")
    client.delete("/overrides/left.example")
    assert [entry["op"] for entry in history(client, "/overrides/left.example/history?limit=2")] == ["delete", "put"]
    assert client.head("/overrides/left.example/history").status == 200


def test_a_key_that_was_never_known_has_none(client):
    answer = client.get("/overrides/never.example/history")
    assert (answer.status, answer.code) == (404, "not_found")
    assert client.head("/overrides/never.example/history").status == 404


def test_any_spelling_of_a_key_is_the_key(client):
    client.set("2001:db8::9", "10.0.0.5")
    assert history(client, "/overrides/[IPv6:2001:DB8:0::9]/history?limit=1")[0]["lookup_key"] == "2001:db8::9"


def test_a_write_that_changes_nothing_or_is_refused_leaves_no_entry(client):
    client.set("still.example", "10.0.0.5")
    entries = history(client, "/overrides/still.example/history")
    client.set("still.example", "10.0.0.5")
    assert client.put("/overrides/still.example", {"target_host": "x:25"}).status == 422
    assert client.put("/overrides/still.example", {"target_host": "10.0.0.6"}, If_Match='"0-0"').status == 412
    assert history(client, "/overrides/still.example/history") == entries


@pytest.mark.parametrize("comment", AWKWARD)
def test_what_was_stored_is_told_byte_for_byte(client, comment):
    made = client.set("awkward.example", "10.0.0.5", comment=comment)
    client.delete("/overrides/awkward.example")
    answer = client.get("/overrides/awkward.example/history?limit=2")
    deleted, put = answer.json()["history"]
    assert put["after"] == deleted["before"] == made.json()
    assert put["after"]["comment"] == comment
    assert answer.body.count(made.body.rstrip(b"\n")) == 2


# --- all keys -------------------------------------------------------------------------------------

def test_the_history_of_all_keys(client):
    since = now(client)
    client.set("a.example", "10.0.0.5")
    client.set("b.example", "10.0.0.5")
    client.delete("/overrides/a.example")
    entries = history(client, f"/history?since={since}")
    assert [(entry["revision"] - since, entry["op"], entry["lookup_key"]) for entry in entries] == [
        (3, "delete", "a.example"), (2, "put", "b.example"), (1, "put", "a.example")]
    assert client.head("/history").status == 200


def test_a_reload_is_told(client):
    answer = client.request("POST", "/reload", headers={"X-Waypost-Reason": "restored by hand"})
    entry = history(client, "/history?limit=1")[0]
    entry.pop("at")
    assert entry == {"revision": answer.json()["revision"], "actor": "-", "reason": "restored by hand", "op": "reload",
                     "lookup_key": None, "before": None, "after": None}


@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
@pytest.mark.parametrize("target", ["/history?since={since}", "/overrides/paged.example/history"])
def test_pages_hold_every_entry_once(client, target, limit):
    since = now(client)
    for number in range(7):
        client.set("paged.example", f"10.0.0.{number}")
        client.delete("/overrides/paged.example")
    target = target.format(since=since)
    whole = history(client, target + ("&" if "?" in target else "?") + "limit=1000")
    assert len(whole) >= 14
    assert pages(client, target, limit) == whole


def test_pages_go_on_where_they_were_while_others_write(client):
    since = now(client)
    for number in range(4):
        client.set("moving.example", f"10.0.0.{number}")
    first = client.get(f"/history?since={since}&limit=2").json()
    client.set("moving.example", "10.9.9.9")
    second = client.get(f"/history?since={since}&limit=2&cursor={first['next_cursor']}").json()
    assert [entry["revision"] - since for entry in first["history"] + second["history"]] == [4, 3, 2, 1]
    assert second["next_cursor"] is None


def test_the_default_page_has_100_entries(client):
    held = client.held()
    for number in range(101):
        held.set("often.example", f"10.0.0.{number}")
    held.close()
    for target in ("/history", "/overrides/often.example/history"):
        page = client.get(target).json()
        assert len(page["history"]) == 100
        assert page["next_cursor"]


# --- filters --------------------------------------------------------------------------------------

@pytest.fixture
def three(client):
    """Three changes at three different moments: revision before them, and their entries, oldest first."""
    since = now(client)
    for number in range(3):
        client.set("timed.example", f"10.0.1.{number}")
    entries = history(client, f"/history?since={since}")[::-1]
    assert len({entry["at"] for entry in entries}) == 3
    return since, entries


def found(client, since, **filters):
    query = "".join(f"&{name}={urllib.parse.quote(str(value), safe=':+')}" for name, value in filters.items())
    return [entry["revision"] - since for entry in history(client, f"/history?since={since}{query}")]


def test_since_is_a_revision(client, three):
    since, _ = three
    assert found(client, since) == [3, 2, 1]
    assert found(client, since + 1) == [2, 1]
    assert found(client, since + 3) == []
    assert found(client, (1 << 63) - 1) == []


def test_actor_is_who_did_it(client, three):
    since, _ = three
    assert found(client, since, actor="-") == [3, 2, 1]
    assert found(client, since, actor="nobody") == []
    assert found(client, since, actor="--") == []
    assert found(client, since, actor="%") == found(client, since, actor="_") == []
    assert found(client, since, actor="a b" * 21) == []


def test_from_takes_its_moment_in_and_until_leaves_it_out(client, three):
    since, entries = three
    second = entries[1]["at"]
    assert found(client, since, **{"from": second}) == [3, 2]
    assert found(client, since, **{"from": later(second, 1)}) == [3]
    assert found(client, since, **{"from": later(second, -1)}) == [3, 2]
    assert found(client, since, until=second) == [1]
    assert found(client, since, until=later(second, 1)) == [2, 1]
    assert found(client, since, **{"from": second, "until": later(second, 1)}) == [2]
    assert found(client, since, **{"from": second, "until": second}) == []
    assert found(client, since, **{"from": later(second, 1), "until": second}) == []


def test_a_moment_may_be_written_with_an_offset_or_more_digits(client, three):
    since, entries = three
    second = moment(entries[1]["at"])
    for hours, minutes in ((2, 0), (-8, 0), (5, 30), (-3, -30), (14, 0)):
        zone = datetime.timezone(datetime.timedelta(hours=hours, minutes=minutes))
        text = second.astimezone(zone).isoformat(timespec="microseconds")
        assert found(client, since, **{"from": text}) == [3, 2], text
    finer = entries[1]["at"].replace("Z", "000Z")
    assert found(client, since, **{"from": finer}) == [3, 2]
    assert found(client, since, **{"from": finer.replace("000Z", "001Z")}) == [3]
    assert found(client, since, until=finer.replace("000Z", "001Z")) == [2, 1]


@pytest.mark.parametrize("early, late", [
    ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    ("0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"),
    ("1969-12-31T23:59:59Z", "2100-06-30T23:59:60Z"),
])
def test_moments_far_away_are_moments(client, three, early, late):
    since, _ = three
    assert found(client, since, **{"from": early, "until": late}) == [3, 2, 1]
    assert found(client, since, **{"from": late}) == []
    assert found(client, since, until=early) == []


def test_filters_narrow_together_and_across_pages(client, three):
    since, entries = three
    query = f"/history?since={since}&actor=-&from={entries[0]['at']}&until={entries[2]['at']}"
    assert [entry["revision"] - since for entry in pages(client, query, 1)] == [2, 1]


# --- faults ---------------------------------------------------------------------------------------

BAD = [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=", "limit"), ("limit=x", "limit"),
       ("cursor=", "cursor"), ("cursor=zz", "cursor"), ("cursor=" + "3" * 2000, "cursor"), ("cursor=30", "cursor"),
       ("nonsense=1", "nonsense"), ("limit=1&limit=1", "limit")]
BAD_FILTERS = [("since=-1", "since"), ("since=", "since"), ("since=9223372036854775808", "since"), ("since=x", "since"),
               ("actor=", "actor"), ("actor=" + "a" * 65, "actor"), ("actor=%00", "actor"), ("actor=%C3%BC", "actor"),
               ("actor=a%0ab", "actor"), ("from=", "from"), ("from=yesterday", "from"), ("from=2026-01-02", "from"),
               ("from=2026-01-02T03:04:05", "from"), ("from=1767323045", "from"), ("until=2026-02-30T00:00:00Z", "until"),
               ("until=2026-01-02T03:04:60Z", "until"), ("until=2026-01-02%2003:04:05Z", "until"), ("until=", "until")]


@pytest.mark.parametrize("query, field", BAD + BAD_FILTERS)
def test_parameters_that_break_a_rule_are_named(client, query, field):
    answer = client.get(f"/history?{query}")
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == [field]


@pytest.mark.parametrize("query, field", BAD + [(query, query.split("=")[0]) for query in
                                                ("since=1", "actor=-", "from=2026-01-02T03:04:05Z")])
def test_the_history_of_a_key_takes_limit_and_cursor_alone(client, query, field):
    client.set("known.example", "10.0.0.5")
    answer = client.get(f"/overrides/known.example/history?{query}")
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == [field]


def test_a_cursor_belongs_to_its_filters(client):
    since = now(client)
    for number in range(5):
        client.set("bound.example", f"10.0.0.{number}")
    target = f"/history?since={since}&actor=-&from=2020-01-01T00:00:00Z"
    cursor = client.get(f"{target}&limit=2").json()["next_cursor"]
    assert client.get(f"{target}&limit=1&cursor={cursor}").status == 200
    same_moment = target.replace("00:00:00Z", "01:00:00%2B01:00")
    assert client.get(f"{same_moment}&cursor={cursor}").status == 200
    for other in (f"/history?since={since}", f"/history?since={since + 1}&actor=-&from=2020-01-01T00:00:00Z",
                  target + "&until=2999-01-01T00:00:00Z", target.replace("actor=-", "actor=x"),
                  "/overrides/bound.example/history?limit=5"):
        answer = client.get(other + f"&cursor={cursor}")
        assert (answer.status, answer.fields()) == (422, ["cursor"]), other
    client.set("other.example", "10.0.0.5")
    of_a_list = client.get("/overrides?limit=1").json()["next_cursor"]
    assert client.get(f"/history?cursor={of_a_list}").fields() == ["cursor"]
    assert client.get(f"/overrides?cursor={cursor}").fields() == ["cursor"]
    answer = client.get("/overrides/bound.example/history?limit=1")
    cursor = answer.json()["next_cursor"]
    assert client.get(f"/overrides/other.example/history?cursor={cursor}").fields() == ["cursor"]


# --- reasons --------------------------------------------------------------------------------------

def raw_put(client, *reasons):
    body = b'{"target_host":"10.7.7.7"}'
    lines = b"".join(b"X-Waypost-Reason: " + reason + b"\r\n" for reason in reasons)
    return client.raw_answer(b"PUT /overrides/reasoned.example HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines
                             + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
                             "PUT", "/overrides/reasoned.example")


def last_reason(client):
    return history(client, "/overrides/reasoned.example/history?limit=1")[0]["reason"]


@pytest.mark.parametrize("reason", ["ticket 4711", "für \"alle\" \\ 日本", "x" * 256, "ü" * 256, "it's 100% {json}"])
def test_a_reason_is_kept_as_it_was_given(client, reason):
    client.delete("/overrides/reasoned.example")
    assert raw_put(client, reason.encode()).status == 201
    assert last_reason(client) == reason


def test_blanks_around_a_reason_are_no_part_of_it(client):
    client.delete("/overrides/reasoned.example")
    assert raw_put(client, b" \t ticket 4711 \t").status == 201
    assert last_reason(client) == "ticket 4711"


@pytest.mark.parametrize("reasons", [(), (b"",), (b"   ",), (b" \t",)])
def test_no_reason_is_none(client, reasons):
    client.delete("/overrides/reasoned.example")
    assert raw_put(client, *reasons).status == 201
    assert last_reason(client) == ""


@pytest.mark.parametrize("reason", [b"x" * 257, "ü".encode() * 257, b"a\tb", b"\xff", b"caf\xe9", b"\xed\xa0\x80"])
def test_a_reason_that_breaks_a_rule_is_named_and_nothing_changes(client, reason):
    answer = raw_put(client, reason)
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == ["X-Waypost-Reason"]
    assert client.get("/overrides/reasoned.example").status == 404


def test_a_reason_given_twice_does_not_parse(client):
    answer = raw_put(client, b"one", b"two")
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/overrides", {"lookup_key": "new.example", "target_host": "10.0.0.5"}),
    ("PUT", "/overrides/new.example", {"target_host": "10.0.0.5"}),
    ("PATCH", "/overrides/here.example", {"target_host": "10.0.0.9"}), ("DELETE", "/overrides/here.example", None),
    ("POST", "/overrides/here.example/revert", {"revision": 0}), ("POST", "/history/1/revert", None),
    ("POST", "/reload", None),
])
def test_every_write_refuses_a_reason_that_breaks_a_rule(client, method, path, body):
    row = client.set("here.example", "10.0.0.5").json()
    answer = client.request(method, path, body, {"X-Waypost-Reason": "x" * 257})
    assert (answer.status, answer.fields()) == (422, ["X-Waypost-Reason"])
    assert client.get("/overrides/here.example").json() == row
    assert client.get("/overrides/new.example").status == 404


def test_reads_take_no_notice_of_a_reason(client):
    assert client.get("/overrides", X_Waypost_Reason="x" * 257).status == 200

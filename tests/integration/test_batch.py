"""A program asks for many keys at a time: POST /resolve and POST /mx."""
import json
import threading

import pytest

from http_client import eventually

KEYS_MAX = 10_000
WAVE = 256  # lookups of one batch that may ask DNS at a time
BODY_MAX = 4 << 20


def results(client, path, keys, query=""):
    answer = client.post(path + query, {"keys": keys})
    assert answer.status == 200, answer.text[:500]
    found = answer.json()["results"]
    assert len(found) == len(keys)
    return found


def name_of(result):
    return result.get("lookup_key") or result.get("domain")


def test_each_key_gets_what_it_would_get_alone(client):
    client.set("example.org", "10.0.0.5")
    keys = ["example.org", "EXAMPLE.org.", "[192.0.2.7]", "v4only.mail.test", "both.mail.test"]
    for key, result in zip(keys, results(client, "/resolve", keys)):
        single = client.get(f"/resolve/{key}").json()
        for answer in (single, result):
            answer.get("addresses", []).sort()
        assert result == single
    keys += ["user@example.org", "plain.mail.test", "nullmx.mail.test", "many.mail.test", "alias.mail.test"]
    for key, result in zip(keys, results(client, "/mx", keys)):
        assert result == client.get(f"/mx/{key}").json()


def test_failed_items_do_not_fail_the_others(client):
    keys = ["v4only.mail.test", "not a name", "absent.mail.test", "notebook.mail.test", "loop1.mail.test", "",
            "v6only.mail.test", "x" * 300, "a\u0000b", "192.0.2.256"]
    found = results(client, "/resolve", keys)
    assert [result.get("status", 200) for result in found] == [200, 422, 404, 404, 502, 422, 200, 422, 422, 422]
    assert [result.get("code") for result in found] == [
        None, "invalid", "nxdomain", "no_address", "dns_failure", "invalid", None, "invalid", "invalid", "invalid"]
    for key, result in zip(keys, found):
        assert result["lookup_key"] == key, "a failed item has the key as it was sent"
    found = results(client, "/mx", keys)
    assert [result.get("code") for result in found] == [
        None, "invalid", "nxdomain", "no_mail_host", "dns_failure", "invalid", None, "invalid", "invalid", "invalid"]


def test_a_failed_item_keeps_its_spelling(client):
    keys = ["Absent.MAIL.test.", "USER@absent.mail.test", "[unpaired"]
    assert [name_of(result) for result in results(client, "/mx", keys)] == keys


def test_fallback_none_asks_no_dns(client):
    client.set("example.org", "10.0.0.5")
    keys = ["v4only.mail.test", "example.org", "[192.0.2.7]", "absent.mail.test"]
    for path in ("/resolve", "/mx"):
        assert [result["source"] for result in results(client, path, keys, "?fallback=none")] == [
            "none", "override", "literal", "none"]


def test_no_keys_no_results(client):
    assert results(client, "/resolve", []) == []
    assert results(client, "/mx", []) == []


def test_doubled_keys_are_answered_each(client):
    assert [name_of(result) for result in results(client, "/mx", ["plain.mail.test"] * 5)] == ["plain.mail.test"] * 5


@pytest.mark.parametrize("path", ["/resolve", "/mx"])
def test_10000_keys_in_the_order_of_the_request(client, path):
    for number in range(0, KEYS_MAX, 1000):
        client.set(f"k{number}.example", "10.0.0.5")
    keys = [f"K{number}.Example" for number in range(KEYS_MAX)]
    answer = client.request("POST", path + "?fallback=none", {"keys": keys}, check=False)
    assert answer.status == 200
    found = answer.json()["results"]
    assert [name_of(result) for result in found] == [key.lower() for key in keys]
    assert [number for number, result in enumerate(found) if result["override"]] == list(range(0, KEYS_MAX, 1000))


@pytest.mark.parametrize("path", ["/resolve", "/mx"])
def test_more_keys_are_refused(client, path):
    answer = client.post(path, {"keys": ["a.example"] * (KEYS_MAX + 1)})
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.fields() == ["keys"]


def test_1200_real_lookups_in_one_batch(client):
    keys = [f"bulk{number % 600}.mail.test" for number in range(1200)]
    found = results(client, "/mx", keys)
    assert [name_of(result) for result in found] == keys
    assert all(result["records"] == [{"host": "mx1.mail.test", "preference": 10}] for result in found)


def test_no_more_than_a_wave_waits_for_dns_under_one_deadline(launch, scripted):
    program = launch(dns=scripted.address)
    scripted.hold()
    keys = [f"k{number}.example" for number in range(600)]
    for key in keys:
        scripted.rule(key, MX=[("MX", (10, "mx.example"))])
    found = results(program.client, "/mx", keys)
    assert {result.get("code") for result in found} == {"dns_timeout"}
    names = {name for name, _ in scripted.asked}
    assert 0 < len(names) <= WAVE
    scripted.release()
    assert results(program.client, "/mx", keys[:1])[0]["source"] == "dns"


def test_the_order_is_kept_when_answers_come_in_another(launch, scripted):
    program = launch(dns=scripted.address)
    scripted.rule("slow.example", MX="silence")
    keys = []
    for number in range(20):
        scripted.rule(f"k{number}.example", MX=[("MX", (10, "mx.example"))])
        keys += [f"k{number}.example", "[192.0.2.7]", "slow.example"]
    found = results(program.client, "/mx", keys)
    expected = [key.strip("[]") for key in keys]
    assert [name_of(result) for result in found] == expected
    assert {result["code"] for result in found[2::3]} == {"dns_timeout"}
    assert scripted.times("slow.example", "MX") <= 6, "one question in flight, however often it is asked"


@pytest.mark.parametrize("path", ["/resolve", "/mx"])
@pytest.mark.parametrize("body, field", [
    ({}, "keys"), ({"keys": None}, "keys"), ({"keys": "a.example"}, "keys"), ({"keys": {"a": 1}}, "keys"),
    ({"keys": ["a.example"], "fallback": "none"}, "fallback"),
])
def test_bodies_that_break_a_rule_are_refused(client, path, body, field):
    answer = client.post(path, body)
    assert (answer.status, answer.code) == (422, "invalid")
    assert field in answer.fields()


def test_a_misspelt_member_is_named_or_the_missing_one(client):
    answer = client.post("/mx", {"key": ["a.example"]})
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.fields()[0] in ("key", "keys")


@pytest.mark.parametrize("item", [1, None, True, [], {}, 1.5])
def test_items_that_are_no_texts_are_refused_with_their_place(client, item):
    answer = client.post("/mx", {"keys": ["a.example", item]})
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.fields()[0].startswith("keys")


def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(client):
    frame = len(json.dumps({"keys": ["a.example", ""]}))
    body = json.dumps({"keys": ["a.example", "x" * (BODY_MAX - frame)]}).encode()
    assert len(body) == BODY_MAX
    found = client.post("/mx?fallback=none", body, Content_Type="application/json").json()["results"]
    assert [result.get("code") for result in found] == [None, "invalid"]
    answer = client.post("/mx?fallback=none", body + b" ", Content_Type="application/json")
    assert (answer.status, answer.code) == (413, "too_large")


def test_hits_are_answered_while_a_batch_waits_for_dns(launch, scripted):
    program = launch(dns=scripted.address)
    client = program.client
    client.set("hit.example", "10.0.0.5")
    scripted.hold()
    for number in range(300):
        scripted.rule(f"k{number}.example", MX=[("MX", (10, "mx.example"))])
    waiting = threading.Thread(target=client.post, args=("/mx", {"keys": [f"k{n}.example" for n in range(300)]}))
    waiting.start()
    eventually(scripted.held, what="a question to DNS")
    for _ in range(20):
        assert client.get("/resolve/hit.example").json()["target_host"] == "10.0.0.5"
    assert waiting.is_alive(), "the batch was over before the hits were"
    scripted.release()
    waiting.join()

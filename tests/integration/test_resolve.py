"""A program asks where one host goes: /resolve."""
import pytest

TEXT = "text/plain"


def test_an_override_answers(client):
    revision = client.set("example.org", "10.0.0.5").json()["revision"]
    client.set("other.example", "10.0.0.6")
    answer = client.get("/resolve/example.org")
    assert answer.json() == {"lookup_key": "example.org", "override": True, "source": "override",
                             "target_host": "10.0.0.5", "revision": revision}
    assert answer.revision == revision + 1, "the header tells the snapshot's revision, the body the row's"


def test_a_host_name_as_target(client):
    client.set("example.org", "Staging.Example.NET.")
    assert client.get("/resolve/example.org").json()["target_host"] == "staging.example.net"


def test_without_an_override_real_addresses(client):
    assert client.get("/resolve/v4only.mail.test").json() == {
        "lookup_key": "v4only.mail.test", "override": False, "source": "dns", "target_host": "",
        "addresses": ["192.0.2.4"], "ttl": 300}


def test_addresses_of_both_families_and_the_least_ttl(client):
    answer = client.get("/resolve/Both.Mail.TEST.").json()
    assert sorted(answer["addresses"]) == ["192.0.2.10", "192.0.2.11", "2001:db8::10"]
    assert answer["ttl"] == 200
    assert client.get("/resolve/v6only.mail.test").json()["addresses"] == ["2001:db8::6"]


def test_fallback_none_asks_no_dns(client):
    for key in ("v4only.mail.test", "absent.mail.test", "anything.example"):
        assert client.get(f"/resolve/{key}?fallback=none").json() == {
            "lookup_key": key, "override": False, "source": "none", "target_host": ""}


def test_fallback_none_with_an_override(client):
    client.set("example.org", "10.0.0.5")
    assert client.get("/resolve/example.org?fallback=none").json()["target_host"] == "10.0.0.5"


@pytest.mark.parametrize("suffix", ["", "?fallback=none"])
@pytest.mark.parametrize("spelling, normal", [
    ("192.0.2.7", "192.0.2.7"), ("[192.0.2.7]", "192.0.2.7"), ("2001:DB8:0:0::1", "2001:db8::1"),
    ("[IPv6:2001:db8::1]", "2001:db8::1"), ("ipv6:::1", "::1"), ("[::ffff:192.0.2.7]", "::ffff:192.0.2.7"),
])
def test_a_literal_is_its_own_answer(client, spelling, normal, suffix):
    assert client.get(f"/resolve/{spelling}{suffix}").json() == {
        "lookup_key": normal, "override": False, "source": "literal", "target_host": "",
        "addresses": [normal]}


def test_a_literal_with_an_override(client):
    client.set("192.0.2.7", "10.0.0.5")
    assert client.get("/resolve/[192.0.2.7]").json()["target_host"] == "10.0.0.5"


def test_a_disabled_override_never_matches(client):
    client.set("v4only.mail.test", "10.0.0.5", enabled=False)
    assert client.get("/resolve/v4only.mail.test").json()["source"] == "dns"
    assert client.get("/resolve/v4only.mail.test?fallback=none").json()["source"] == "none"
    client.patch("/overrides/v4only.mail.test", {"enabled": True})
    assert client.get("/resolve/v4only.mail.test").json()["target_host"] == "10.0.0.5"


def test_an_override_is_not_followed(client):
    client.set("a.example", "b.example")
    client.set("b.example", "c.example")
    assert client.get("/resolve/a.example").json()["target_host"] == "b.example"


def test_a_deleted_override_is_gone_at_once(client):
    client.set("example.org", "10.0.0.5")
    client.delete("/overrides/example.org")
    assert client.get("/resolve/example.org?fallback=none").json()["override"] is False


def test_an_override_of_a_domain_says_nothing_of_its_children_and_parents(client):
    client.set("example.org", "10.0.0.5")
    for other in ("mail.example.org", "org", "xexample.org", "example.org.net"):
        assert client.get(f"/resolve/{other}?fallback=none").json()["override"] is False


@pytest.mark.parametrize("key, status, code", [
    ("absent.mail.test", 404, "nxdomain"), ("notebook.mail.test", 404, "no_address"),
    ("dangling.mail.test", 404, "nxdomain"), ("danglingaway.mail.test", 404, "nxdomain"),
    ("loop1.mail.test", 502, "dns_failure"), ("not-served.example", 502, "dns_failure"),
])
def test_what_dns_does_not_have(client, key, status, code):
    answer = client.get(f"/resolve/{key}")
    assert (answer.status, answer.code) == (status, code)
    assert key in answer.json()["detail"]


@pytest.mark.parametrize("key, addresses, ttl", [
    ("alias.mail.test", ["192.0.2.80"], 100), ("alias2.mail.test", ["192.0.2.80"], 100),
    ("away.mail.test", ["192.0.2.101"], 90), ("chain1.mail.test", ["192.0.2.18"], 300),
])
def test_cnames_are_followed(client, key, addresses, ttl):
    answer = client.get(f"/resolve/{key}").json()
    assert answer["lookup_key"] == key
    assert (answer["addresses"], answer["ttl"]) == (addresses, ttl)


def test_odd_but_real_names(client):
    assert client.get("/resolve/_odd_.mail.test").json()["addresses"] == ["192.0.2.12"]
    assert client.get("/resolve/r3---sn-abc.mail.test").json()["addresses"] == ["192.0.2.13"]


def test_200_addresses_come_over_tcp(client):
    addresses = client.get("/resolve/crowd.mail.test").json()["addresses"]
    assert sorted(addresses) == sorted(f"198.51.100.{i}" for i in range(200))


# --- doors to the same answer ---------------------------------------------------------------------

@pytest.mark.parametrize("spelling", [
    "example.org", "EXAMPLE.ORG.", "%65xample.org", "[192.0.2.7]", "%5B192.0.2.7%5D", "[IPv6:2001:db8::1]",
    "%5bIPv6%3A2001%3Adb8%3A%3A1%5d", "b%C3%BCcher.example", "%20example.org%20", "_dmarc.example.org",
])
def test_path_and_query_answer_the_same(client, spelling):
    for key in ("example.org", "2001:db8::1", "xn--bcher-kva.example"):
        client.set(key, "10.0.0.5")
    by_path = client.get(f"/resolve/{spelling}?fallback=none")
    by_query = client.get(f"/resolve?key={spelling}&fallback=none")
    swapped = client.get(f"/resolve?fallback=none&key={spelling}")
    assert by_path.status == 200, by_path.text
    assert by_path.json() == by_query.json() == swapped.json()


def test_head_has_the_headers_of_get(client):
    client.set("example.org", "10.0.0.5")
    for target in ("/resolve/example.org", "/resolve?key=example.org", "/resolve/v4only.mail.test"):
        get, head = client.get(target), client.head(target)
        assert head.status == get.status == 200
        for name in ("Content-Type", "Content-Length", "Cache-Control", "X-Waypost-Revision"):
            assert head.headers[name] == get.headers[name], name
    assert client.head("/resolve/absent.mail.test").status == 404


# --- text/plain -----------------------------------------------------------------------------------

@pytest.mark.parametrize("target, lines", [
    ("/resolve/host.example", ["staging.example.net"]), ("/resolve/address.example", ["10.0.0.5"]),
    ("/resolve/v6.example", ["2001:db8::5"]), ("/resolve/v4only.mail.test", ["192.0.2.4"]),
    ("/resolve/[192.0.2.7]", ["192.0.2.7"]), ("/resolve/[IPv6:2001:DB8::1]?fallback=none", ["2001:db8::1"]),
    ("/resolve/v4only.mail.test?fallback=none", []), ("/resolve?key=host.example", ["staging.example.net"]),
])
def test_text_prints_what_to_connect_to(client, target, lines):
    client.set("host.example", "staging.example.net")
    client.set("address.example", "10.0.0.5")
    client.set("v6.example", "[2001:DB8::5]")
    answer = client.get(target, Accept=TEXT)
    assert answer.status == 200
    assert answer.media_type == TEXT
    assert answer.text == "".join(line + "\n" for line in lines)


def test_text_prints_all_addresses(client):
    text = client.get("/resolve/both.mail.test", Accept=TEXT).text
    assert sorted(text.splitlines()) == ["192.0.2.10", "192.0.2.11", "2001:db8::10"]


def test_errors_are_problems_whatever_accept_says(client):
    for accept in (TEXT, "application/json", "text/html", "*/*"):
        answer = client.get("/resolve/a..b", Accept=accept)
        assert answer.status in (406, 422)
        assert answer.media_type == "application/problem+json"
    answer = client.get("/resolve/absent.mail.test", Accept=TEXT)
    assert (answer.status, answer.code) == (404, "nxdomain")


@pytest.mark.parametrize("accept, media_type", [
    (None, "application/json"), ("*/*", "application/json"), ("application/json", "application/json"),
    ("application/*", "application/json"), ("text/plain", TEXT), ("text/*", TEXT), ("TEXT/Plain", TEXT),
    ("text/html, text/plain;q=0.5", TEXT), ("application/json;q=0.4, text/plain;q=0.5", TEXT),
    ("text/plain;q=0.4, application/json;q=0.5", "application/json"),
    ("text/plain;q=0, */*", "application/json"), ("application/json;q=0, */*;q=0.1", TEXT),
    ("application/json, text/plain, */*", "application/json"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ("text/html", None), ("application/xml", None), ("text/plain;q=0", None), ("application/json;q=0.0", None),
])
def test_accept_chooses(client, accept, media_type):
    headers = {} if accept is None else {"Accept": accept}
    answer = client.request("GET", "/resolve/192.0.2.7", headers=headers)
    if media_type is None:
        assert (answer.status, answer.code) == (406, "not_acceptable")
    else:
        assert (answer.status, answer.media_type) == (200, media_type)


# --- what is refused ------------------------------------------------------------------------------

@pytest.mark.parametrize("target, field", [
    ("/resolve", "key"), ("/resolve?key=", "key"), ("/resolve?key", "key"),
    ("/resolve?key=a.example&key=a.example", "key"),
    ("/resolve?key=a.example&fallback=dns", "fallback"), ("/resolve/a.example?fallback=", "fallback"),
    ("/resolve/a.example?fallback=NONE", "fallback"), ("/resolve/a.example?fallback=none&fallback=none", "fallback"),
    ("/resolve/a.example?key=a.example", "key"), ("/resolve/a.example?verbose=1", "verbose"),
])
def test_parameters_that_break_a_rule_are_named(client, target, field):
    answer = client.get(target)
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.fields() == [field]


def test_a_mail_address_belongs_to_mx(client):
    answer = client.get("/resolve/user@example.org")
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.fields() == ["key"]

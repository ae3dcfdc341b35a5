"""A relay asks where mail for a domain goes: /mx."""
import pytest

TEXT = "text/plain"


def records(answer):
    return [(record["preference"], record["host"]) for record in answer.json()["records"]]


def test_an_override_answers_with_preference_0(client):
    revision = client.set("example.org", "staging.example.net").json()["revision"]
    assert client.get("/mx/example.org").json() == {
        "domain": "example.org", "override": True, "source": "override",
        "records": [{"host": "staging.example.net", "preference": 0}], "revision": revision}


def test_an_override_wins_over_real_records(client):
    client.set("plain.mail.test", "10.0.0.5")
    assert records(client.get("/mx/plain.mail.test")) == [(0, "10.0.0.5")]


def test_real_records_in_ascending_preference(client):
    answer = client.get("/mx/Plain.Mail.Test.")
    assert answer.json() == {
        "domain": "plain.mail.test", "override": False, "source": "dns", "ttl": 300,
        "records": [{"host": "mx0.other.test", "preference": 5}, {"host": "mx1.mail.test", "preference": 10},
                    {"host": "mx2.mail.test", "preference": 20}]}


def test_fallback_none_asks_no_dns(client):
    for domain in ("plain.mail.test", "absent.mail.test", "loop1.mail.test"):
        assert client.get(f"/mx/{domain}?fallback=none").json() == {
            "domain": domain, "override": False, "source": "none", "records": []}


@pytest.mark.parametrize("domain", ["v4only.mail.test", "v6only.mail.test", "both.mail.test",
                                    "toimplicit.mail.test"])
def test_a_domain_with_an_address_only_is_its_own_mail_host(client, domain):
    answer = client.get(f"/mx/{domain}").json()
    assert answer.pop("ttl") > 0
    assert answer == {"domain": domain, "override": False, "source": "dns", "implicit": True,
                      "records": [{"host": domain, "preference": 0}]}


@pytest.mark.parametrize("domain", ["nullmx.mail.test", "tonull.mail.test"])
def test_a_null_mx_takes_no_mail(client, domain):
    assert client.get(f"/mx/{domain}").json() == {
        "domain": domain, "override": False, "source": "dns", "records": [], "null_mx": True, "ttl": 300}


@pytest.mark.parametrize("domain, expected, ttl", [
    ("alias.mail.test", [(5, "mx0.other.test"), (10, "mx1.mail.test"), (20, "mx2.mail.test")], 100),
    ("alias2.mail.test", [(5, "mx0.other.test"), (10, "mx1.mail.test"), (20, "mx2.mail.test")], 100),
    ("away.mail.test", [(10, "mx0.other.test")], 90),
    ("xn--bcher-kva.mail.test", [(10, "mx1.mail.test")], 300),
    ("b%C3%BCcher.mail.test", [(10, "mx1.mail.test")], 300),
    ("short.mail.test", [(10, "mx1.mail.test")], 30),
])
def test_cnames_are_followed(client, domain, expected, ttl):
    answer = client.get(f"/mx/{domain}")
    assert records(answer) == expected
    assert answer.json()["ttl"] == ttl


def test_200_records_come_over_tcp(client):
    expected = [(i + 1, f"mx{i:03}.a-rather-long-name-so-that-it-is-truncated.mail.test") for i in range(200)]
    assert records(client.get("/mx/many.mail.test")) == expected


@pytest.mark.parametrize("domain, status, code", [
    ("absent.mail.test", 404, "nxdomain"), ("notebook.mail.test", 404, "no_mail_host"),
    ("toempty.mail.test", 404, "no_mail_host"), ("dangling.mail.test", 404, "nxdomain"),
    ("danglingaway.mail.test", 404, "nxdomain"), ("loop1.mail.test", 502, "dns_failure"),
    ("not-served.example", 502, "dns_failure"),
])
def test_what_dns_does_not_have(client, domain, status, code):
    answer = client.get(f"/mx/{domain}")
    assert (answer.status, answer.code) == (status, code)
    assert domain in answer.json()["detail"]


@pytest.mark.parametrize("suffix", ["", "?fallback=none"])
@pytest.mark.parametrize("spelling, normal", [
    ("192.0.2.7", "192.0.2.7"), ("[192.0.2.7]", "192.0.2.7"), ("[IPv6:2001:DB8::1]", "2001:db8::1"),
    ("user@[192.0.2.7]", "192.0.2.7"), ("user@[IPv6:2001:DB8::1]", "2001:db8::1"),
])
def test_a_literal_is_its_own_mail_host(client, spelling, normal, suffix):
    assert client.get(f"/mx/{spelling}{suffix}").json() == {
        "domain": normal, "override": False, "source": "literal",
        "records": [{"host": normal, "preference": 0}]}


@pytest.mark.parametrize("address", [
    "user@plain.mail.test", "User+Tag@PLAIN.mail.test.", "%22odd%20local%22@plain.mail.test",
    "%22a@b%22@plain.mail.test", "user%40plain.mail.test",
])
def test_a_mail_address_answers_for_its_domain(client, address):
    for answer in (client.get(f"/mx/{address}"), client.get(f"/mx?domain={address}")):
        assert answer.status == 200, answer.text
        assert answer.json()["domain"] == "plain.mail.test"
        assert len(answer.json()["records"]) == 3


def test_a_mail_address_finds_the_override_of_its_domain(client):
    client.set("example.org", "10.0.0.5")
    assert records(client.get("/mx/user@Example.ORG")) == [(0, "10.0.0.5")]
    assert records(client.get("/mx?domain=user+tag@example.org&fallback=none")) == [(0, "10.0.0.5")]


@pytest.mark.parametrize("domain", ["@example.org", "user@", "@", "user@@", "user@a..b"])
def test_half_a_mail_address_is_refused(client, domain):
    answer = client.get(f"/mx/{domain}")
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.fields() == ["domain"]


@pytest.mark.parametrize("target, text", [
    ("/mx/example.org", "0 staging.example.net\n"), ("/mx/v6.example", "0 2001:db8::5\n"),
    ("/mx/plain.mail.test", "5 mx0.other.test\n10 mx1.mail.test\n20 mx2.mail.test\n"),
    ("/mx/nullmx.mail.test", "0 .\n"), ("/mx/v4only.mail.test", "0 v4only.mail.test\n"),
    ("/mx/[192.0.2.7]", "0 192.0.2.7\n"), ("/mx/[IPv6:2001:db8::1]", "0 2001:db8::1\n"),
    ("/mx/plain.mail.test?fallback=none", ""), ("/mx?domain=user@example.org", "0 staging.example.net\n"),
])
def test_text_prints_preference_and_host(client, target, text):
    client.set("example.org", "staging.example.net")
    client.set("v6.example", "2001:db8::5")
    answer = client.get(target, Accept=TEXT)
    assert (answer.status, answer.media_type) == (200, TEXT)
    assert answer.text == text


def test_head_has_the_headers_of_get(client):
    client.set("example.org", "10.0.0.5")
    for target in ("/mx/example.org", "/mx?domain=example.org", "/mx/plain.mail.test"):
        get, head = client.get(target), client.head(target)
        assert head.status == get.status == 200
        for name in ("Content-Type", "Content-Length", "Cache-Control", "X-Waypost-Revision"):
            assert head.headers[name] == get.headers[name], name
    assert client.head("/mx/absent.mail.test").status == 404


@pytest.mark.parametrize("target, field", [
    ("/mx", "domain"), ("/mx?domain=", "domain"), ("/mx?key=example.org", "key"),
    ("/mx?domain=a.example&domain=b.example", "domain"), ("/mx/a.example?fallback=mx", "fallback"),
    ("/mx/a.example?x", "x"),
])
def test_parameters_that_break_a_rule_are_named(client, target, field):
    answer = client.get(target)
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert field in answer.fields()


def test_a_disabled_override_never_matches(client):
    client.set("plain.mail.test", "10.0.0.5", enabled=False)
    assert client.get("/mx/plain.mail.test").json()["source"] == "dns"

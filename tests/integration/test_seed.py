"""What the predecessor promised holds, and its defects are gone.

Set, Get, Update, List, Delete, Resolve and ResolveMX of the Go package are PUT, GET, PUT, GET /overrides,
DELETE, /resolve?fallback=none and /mx here."""
import pytest


def resolve(client, key):
    answer = client.get(f"/resolve/{key}?fallback=none")
    assert answer.status == 200, answer.text
    return answer.json()


def resolve_mx(client, domain):
    answer = client.get(f"/mx/{domain}")
    assert answer.status == 200, answer.text
    return answer.json()


def test_set_get_update_list_delete(client):
    assert client.put("/overrides/nine.testrun.org", {"target_host": "1.2.3.4", "comment": "first"}).status == 201
    row = client.get("/overrides/nine.testrun.org").json()
    assert (row["target_host"], row["comment"]) == ("1.2.3.4", "first")

    assert client.put("/overrides/nine.testrun.org", {"target_host": "5.6.7.8", "comment": "second"}).status == 200
    row = client.get("/overrides/nine.testrun.org").json()
    assert (row["target_host"], row["comment"]) == ("5.6.7.8", "second")

    client.set("other.testrun.org", "1.2.3.4")
    listed = client.get("/overrides").json()
    assert [row["lookup_key"] for row in listed["overrides"]] == ["nine.testrun.org", "other.testrun.org"]
    assert listed["total"] == 2

    assert client.delete("/overrides/nine.testrun.org").status == 204
    assert client.get("/overrides/nine.testrun.org").status == 404
    assert resolve(client, "nine.testrun.org")["override"] is False


@pytest.mark.parametrize("asked", ["1.1.1.1", "[1.1.1.1]"])
def test_an_address_is_found_with_and_without_brackets(client, asked):
    client.set("1.1.1.1", "2.2.2.2")
    assert resolve(client, asked)["target_host"] == "2.2.2.2"
    assert resolve_mx(client, asked)["records"] == [{"host": "2.2.2.2", "preference": 0}]


@pytest.mark.parametrize("asked", ["nine.testrun.org", "NINE.TESTRUN.ORG", "nine.testrun.org.", "Nine.Testrun.Org."])
def test_a_domain_is_found_in_any_case_and_with_the_root_dot(client, asked):
    client.set("nine.testrun.org", "10.1.1.1")
    assert resolve(client, asked)["target_host"] == "10.1.1.1"
    assert resolve_mx(client, asked)["records"] == [{"host": "10.1.1.1", "preference": 0}]


@pytest.mark.parametrize("asked", ["[ipv6:::1]", "[IPv6:::1]", "ipv6:::1", "::1", "[::1]", "[IPV6:0:0:0:0:0:0:0:1]"])
def test_an_ipv6_literal_is_found(client, asked):
    client.set("::1", "10.2.2.2")
    assert resolve(client, asked)["target_host"] == "10.2.2.2"


@pytest.mark.parametrize("address, normal", [("9.9.9.9", "9.9.9.9"), ("[9.9.9.9]", "9.9.9.9"), ("[ipv6:::1]", "::1")])
def test_an_address_without_an_override_is_itself(client, address, normal):
    assert resolve(client, address)["addresses"] == [normal]
    assert resolve_mx(client, address)["records"] == [{"host": normal, "preference": 0}]


def test_a_domain_without_an_override_keeps_its_name(client):
    assert resolve(client, "nine.testrun.org")["target_host"] == ""


def test_an_override_of_mx_has_preference_0(client):
    client.set("nine.testrun.org", "mail.testrun.org")
    answer = resolve_mx(client, "nine.testrun.org")
    assert answer["override"] is True
    assert answer["records"] == [{"host": "mail.testrun.org", "preference": 0}]


# Defect 1 of the predecessor: what was stored in another spelling could never match.

SPELLINGS = {
    "1.2.3.4": ["1.2.3.4", "[1.2.3.4]", "%201.2.3.4%20"],
    "2001:db8::1": ["2001:db8::1", "[2001:db8::1]", "[IPv6:2001:db8::1]", "IPv6:2001:DB8:0:0::1", "ipv6:2001:db8::1",
                    "[2001:0DB8:0000:0000:0000:0000:0000:0001]"],
    "mixed.example.org": ["mixed.example.org", "Mixed.Example.ORG", "mixed.example.org.", "%20mixed.example.org"],
    "xn--bcher-kva.example": ["xn--bcher-kva.example", "b%C3%BCcher.example", "B%C3%9CCHER.EXAMPLE.",
                              "XN--BCHER-KVA.example", "bu%CC%88cher.example"],
}


@pytest.mark.parametrize("normal, written", [(key, spelling) for key in SPELLINGS for spelling in SPELLINGS[key]])
def test_what_is_written_in_one_spelling_is_found_under_all(client, normal, written):
    assert client.put(f"/overrides/{written}", {"target_host": "10.3.3.3"}).json()["lookup_key"] == normal
    for asked in SPELLINGS[normal]:
        assert client.get(f"/overrides/{asked}").json()["lookup_key"] == normal
        assert resolve(client, asked)["target_host"] == "10.3.3.3", asked
        assert client.put(f"/overrides/{asked}", {"target_host": "10.3.3.3"}).status == 200, asked
    assert client.get("/overrides").json()["total"] == 1
    assert client.delete(f"/overrides/{SPELLINGS[normal][-1]}").status == 204
    assert resolve(client, normal)["target_host"] == ""

"""A law about keys, tried on many: what is PUT under one spelling is found under all of them, and the
normal form is what Python's own modules say."""
import ipaddress
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LABEL = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
LAST_LABEL = LABEL.filter(lambda label: not label.isdigit())
NAMES = st.builds(lambda labels, last: ".".join([*labels, last]), st.lists(LABEL, max_size=4), LAST_LABEL)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
BLANKS = st.sampled_from(["", " ", "\t", "  "])
LAW = settings(max_examples=200, derandomize=True, deadline=None, database=None,
               suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def client(launch_for_module):
    program = launch_for_module()
    held = program.client.held()
    yield held
    held.close()


def mixed_case(text, draw):
    return "".join(c.upper() if up else c.lower()
                   for c, up in zip(text, draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))))


@st.composite
def spelled_names(draw):
    """-> (normal form, two spellings)"""
    name = draw(NAMES)

    def spelling():
        text = mixed_case(name, draw) + draw(st.sampled_from(["", "."]))
        if draw(st.booleans()):
            text = f"[{text}]"
        return draw(BLANKS) + text + draw(BLANKS)

    return name.lower(), spelling(), spelling()


@st.composite
def spelled_addresses(draw):
    address = draw(ADDRESSES)

    def spelling():
        text = str(address)
        if address.version == 6:
            text = draw(st.sampled_from([address.compressed, address.exploded]))
            text = mixed_case(text, draw)
            text = draw(st.sampled_from(["", "ipv6:", "IPv6:", "IPV6:"])) + text
        if draw(st.booleans()):
            text = f"[{text}]"
        return draw(BLANKS) + text + draw(BLANKS)

    return normal_address(address), spelling(), spelling()


def normal_address(address):
    """RFC 5952 5: IPv4-mapped addresses are written with the IPv4 part in dots."""
    if address.version == 6 and address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"
    return address.compressed


def segment(spelling):
    return urllib.parse.quote(spelling, safe="[]:")


def put_then_find(client, normal, one, other, target):
    written = client.put(f"/overrides/{segment(one)}", {"target_host": target})
    assert written.status == 201, written.text
    assert written.json()["lookup_key"] == normal
    for spelling in (one, other, normal):
        found = client.get(f"/resolve/{segment(spelling)}?fallback=none").json()
        assert (found["lookup_key"], found["target_host"]) == (normal, target)
        assert client.get(f"/mx?domain={segment(spelling)}").json()["records"] == [
            {"host": target, "preference": 0}]
    assert client.delete(f"/overrides/{segment(other)}").status == 204
    assert client.get(f"/resolve/{segment(one)}?fallback=none").json()["override"] is False


@LAW
@given(spelled_names())
def test_names(client, case):
    put_then_find(client, *case, target="10.255.255.254")


@LAW
@given(spelled_addresses())
def test_addresses(client, case):
    put_then_find(client, *case, target="target.example.net")


@LAW
@given(st.text(max_size=40))
def test_any_text_is_a_key_or_refused(client, text):
    """And what is accepted is accepted again in its normal form, unchanged."""
    answer = client.get(f"/resolve?key={urllib.parse.quote(text, safe='')}&fallback=none")
    assert answer.status in (200, 422), answer.text
    if answer.status == 200:
        normal = answer.json()["lookup_key"]
        again = client.get(f"/resolve/{segment(normal)}?fallback=none").json()
        assert again["lookup_key"] == normal
    else:
        assert answer.fields() == ["key"]


@LAW
@given(st.ip_addresses(v=6))
def test_ipv6_targets_are_canonical(client, address):
    target = client.put("/overrides/target.example", {"target_host": f"[{address.exploded.upper()}]"}).json()
    assert target["target_host"] == normal_address(address)
    assert ipaddress.ip_address(target["target_host"]) == address

"""Prometheus scrapes /metrics."""
import collections
import re

import pytest

SAMPLE = re.compile(r'(waypost_[a-z_]+)(?:\{((?:[a-z_]+="[^"\\\n]*",?)+)\})? (-?[0-9.e+]+|\+Inf|NaN)')


@pytest.fixture
def program(launch, knot):
    return launch(dns=knot.address)


def families(text):
    """name -> (type, help), and that each is declared once and before its samples"""
    declared, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, told = line[7:].partition(" ")
            assert name not in declared, f"{name} is declared twice"
            assert told, name
            declared[name] = told
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            assert name in declared and name not in kinds
            assert kind in ("counter", "gauge", "histogram")
            kinds[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            base = re.sub(r"_(bucket|sum|count)$", "", match.group(1))
            name = base if kinds.get(base) == "histogram" else match.group(1)
            assert name in kinds, f"{line} has no TYPE"
    return kinds


def delta(before, after):
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def used(program):
    """One of everything."""
    client = program.client
    client.set("example.org", "10.0.0.5")
    client.get("/overrides")
    client.get("/overrides/example.org")
    client.get("/overrides/absent.example")
    client.get("/resolve/example.org")
    client.get("/resolve/absent.mail.test")
    client.get("/mx/plain.mail.test")
    client.get("/nowhere")
    return program


def test_the_format(program):
    answer = used(program).client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    kinds = families(answer.text)
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name


def test_histograms_add_up(program):
    text = used(program).client.get("/metrics").text
    histograms = [name for name, kind in families(text).items() if kind == "histogram"]
    assert len(histograms) >= 3, "requests, store, DNS"
    buckets = collections.defaultdict(list)
    counts, sums = {}, {}
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line)
        if not match:
            continue
        name, labels, value = match.groups()
        if name.endswith("_bucket"):
            bound = re.search(r'le="([^"]*)"', labels).group(1)
            rest = ",".join(part for part in labels.strip(",").split(",") if not part.startswith("le="))
            buckets[name[:-7], rest].append((float(bound.replace("+Inf", "inf")), float(value)))
        elif name.endswith("_count"):
            counts[name[:-6], labels or ""] = float(value)
        elif name.endswith("_sum"):
            sums[name[:-4], labels or ""] = float(value)
    assert buckets and set(buckets) == set(counts) == set(sums)
    for series, values in buckets.items():
        assert values == sorted(values), series
        assert [count for _, count in values] == sorted(count for _, count in values), series
        assert values[-1] == (float("inf"), counts[series]), series
        assert 0 <= sums[series] < 60 * max(1, counts[series])


def test_requests_are_counted_by_operation_and_status(program):
    client = program.client
    client.set("example.org", "10.0.0.5")
    before = program.metrics()
    for _ in range(3):
        client.get("/overrides/example.org")
    client.get("/overrides/absent.example")
    client.get("/resolve/a..b")
    change = delta(before, program.metrics())

    def count(operation, status):
        return sum(value for name, value in change.items() if name.startswith("waypost_http_requests_total{")
                   and f'operation="{operation}"' in name and f'status="{status}"' in name)

    assert count("getOverride", 200) == 3
    assert count("getOverride", 404) == 1
    assert count("resolveByPath", 422) == 1


def test_lookups_are_counted_by_source(program):
    client = program.client
    client.set("example.org", "10.0.0.5")
    before = program.metrics()
    client.get("/resolve/example.org")
    client.get("/mx/example.org")
    client.get("/mx/example.org")
    client.get("/resolve/192.0.2.1")
    client.get("/mx/plain.mail.test")
    client.get("/resolve/absent.mail.test")
    client.get("/mx/absent.mail.test?fallback=none")
    client.post("/mx", {"keys": ["example.org", "192.0.2.1", "[not"]})
    change = delta(before, program.metrics())

    def count(kind, source):
        return change.get(f'waypost_lookups_total{{kind="{kind}",source="{source}"}}', 0)

    assert (count("resolve", "override"), count("mx", "override")) == (1, 3)
    assert (count("resolve", "literal"), count("mx", "literal")) == (1, 1)
    assert (count("mx", "dns"), count("resolve", "nxdomain"), count("mx", "none")) == (1, 1, 1)


def test_dns_and_store_are_measured(program):
    before = program.metrics()
    used(program)
    change = delta(before, program.metrics())
    assert change['waypost_dns_answers_total{type="MX",outcome="found"}'] == 1
    assert change['waypost_dns_answers_total{type="A",outcome="nxdomain"}'] == 1
    assert change['waypost_dns_query_seconds_count{type="MX"}'] == 1
    for call in ("read", "list", "write"):
        assert change[f'waypost_store_call_seconds_count{{call="{call}"}}'] >= 1, call


def test_gauges(program):
    client = program.client
    client.set("a.example", "10.0.0.5")
    client.set("b.example", "10.0.0.5")
    revision = client.set("off.example", "10.0.0.5", enabled=False).json()["revision"]
    values = program.metrics()
    assert values["waypost_overrides"] == 2, "a disabled override is not in memory"
    assert values["waypost_revision"] == revision
    assert values["waypost_store_up"] == 1
    assert values["waypost_store_writable"] == 1
    assert values["waypost_rejected_overrides"] == 0
    assert values["waypost_stale_seconds"] < 5


def test_store_errors_are_counted(launch, maria):
    program = launch(database=maria.url("waypost", password="wrong"), ready=False)
    program.client.put("/overrides/a.example", {"target_host": "10.0.0.5"})
    values = program.metrics()
    assert (values["waypost_store_up"], values["waypost_store_writable"]) == (0, 0)


def test_what_clients_send_makes_no_series(program):
    used(program)
    before = len(program.metrics())
    for number in range(50):
        program.client.get(f"/path{number}")
        program.client.get(f"/resolve/name{number}.example?fallback=none")
        program.client.get(f"/overrides/name{number}.example")
        program.client.request(f"METHOD{number}", "/overrides")
    assert len(program.metrics()) <= before + 60
    assert "name7" not in program.client.get("/metrics").text
    assert "METHOD7" not in program.client.get("/metrics").text

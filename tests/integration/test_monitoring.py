"""What watches Waypost asks for what is there: alerts, the dashboard, and the table of log events."""
import json
import re

import pytest
import yaml

import program as programs
from certificates import Authority
from program import ROOT

DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")
ALERTS = yaml.safe_load((DOCS / "prometheus-alerts.yaml").read_text("utf-8"))
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
COLUMNS = 24
GIVEN = {"job", "instance", "le"}  # labels that Prometheus adds, and that of buckets
SELECTOR = re.compile(r"\b(waypost_\w+|up)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
BY = re.compile(r"\b(?:by|on) \(([^)]*)\)")
LOG_CALL = re.compile(r'way_log\(\s*(?:WAY_LOG_(\w+)|\w+),\s*"([a-z_.]+)"')
EVENT_TABLE = re.compile(r'^\s*\[WAY_VERDICT_\w+\] = "([a-z.]+)"', re.MULTILINE)


def expressions():
    for rule in RULES:
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']}, {target['refId']}")


@pytest.fixture(scope="module")
def families(tmp_path_factory, launch_for_module, knot):
    """What Prometheus gets of an instance that has been used: series name -> names of its labels, and the values of
    each."""
    server = Authority(tmp_path_factory.mktemp("authority"), "authority").server()
    program = launch_for_module(*server.options, dns=knot.address, listen=("127.0.0.1:0?tls=off", "127.0.0.1:0"))
    client = program.client
    client.set("example.org", "10.0.0.5")
    client.get("/mx/example.org")
    client.get("/mx/plain.mail.test")
    client.get("/resolve/192.0.2.1")
    found = {}
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            for part in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
                found[name + part] = {}
        elif not line.startswith("#"):
            match = SELECTOR.match(line)
            for label, _, value in MATCHER.findall(match.group(2) or ""):
                found[match.group(1)].setdefault(label, set()).add(value)
    return found


@pytest.fixture(scope="module")
def operations():
    return {route["operation"] for route in json.loads(programs.run("--dump-routes").stdout)}


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_what_is_there(expression, families, operations):
    grouped = {label.strip() for labels in BY.findall(expression) for label in labels.split(",")}
    known = set(GIVEN)
    selectors = SELECTOR.findall(expression)
    assert selectors
    for name, matchers in selectors:
        assert name == "up" or name in families, f"no metric {name}"
        known |= set(families.get(name, ()))
        for label, operator, value in MATCHER.findall(matchers):
            # Of a family without any series yet the labels cannot be known: errors, for example.
            assert label in GIVEN or not families.get(name) or label in families[name], f"{name} has no {label}"
            if label == "operation":
                wanted = value.split("|") if operator == "=~" else [value]
                assert all(any(re.fullmatch(one, operation) for operation in operations) for one in wanted), value
    if all(families.get(name, True) for name, _ in selectors):
        assert grouped <= known, f"no label {grouped - known}"


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_has_its_brackets(expression):
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    assert '"' not in bare and "\\" not in bare
    pairs, waiting = {")": "(", "]": "[", "}": "{"}, []
    for letter in bare:
        if letter in pairs.values():
            waiting.append(letter)
        elif letter in pairs:
            assert waiting and waiting.pop() == pairs[letter], bare
    assert not waiting, bare


def test_an_alert_says_why_and_what_to_do():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    books = (DOCS / "runbooks.md").read_text("utf-8")
    for rule in RULES:
        assert set(rule["annotations"]) == {"why", "do"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        for numbers in re.findall(r"docs/runbooks\.md, ([\d and]+)", rule["annotations"]["do"]):
            for number in re.findall(r"\d+", numbers):
                assert f"\n## {number}. " in books, rule["alert"]


def test_the_dashboard_can_be_imported():
    assert DASHBOARD["schemaVersion"] > 0 and DASHBOARD["title"] == "Waypost" and "id" not in DASHBOARD
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    for panel in PANELS:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        for part in (panel, *panel["targets"]):
            assert part["datasource"]["uid"] == "${datasource}", panel["title"]
        for target in panel["targets"]:
            used = {word.strip("{}") for word in re.findall(r"\$(\w+|\{\w+\})", target["expr"])} - {"__rate_interval"}
            assert used <= set(variables), panel["title"]


def test_no_panel_covers_another():
    taken = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS, panel["title"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} covers {taken.get(cell)}"
            taken[cell] = panel["title"]


def test_every_event_of_the_log_is_in_the_table():
    """Those for developers aside. A row may stand for many: `takeover.*`."""
    rows = re.findall(r"^\| (`[^|]*) \|", OPERATIONS.partition("## Logs")[2].partition("\n## ")[0], re.MULTILINE)
    told = []
    for row in rows:
        prefix = ""
        for name in re.findall(r"`([a-z_.*]+)`", row):  # `override.created`, `.changed`
            prefix = prefix if name.startswith(".") else name.partition(".")[0]
            told.append(re.escape(prefix + name if name.startswith(".") else name).replace(r"\*", r"\w+"))
    events = set()
    for source in [*ROOT.glob("server/*/*.c"), *ROOT.glob("api/**/*.c")]:
        text = source.read_text("utf-8")
        events |= {event for level, event in LOG_CALL.findall(text) if level != "DEBUG"}
        events |= set(EVENT_TABLE.findall(text))
    assert len(events) > len(rows) / 2
    missing = sorted(event for event in events if not any(re.fullmatch(one, event) for one in told))
    assert not missing, f"docs/operations.md, Logs: {missing}"
    for one in told:
        assert any(re.fullmatch(one, event) for event in events), f"no event {one} in the sources"

"""The problems of api/problem.c and those that openapi.yaml shows are the same."""
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r'^ *\[API_(\w+)\] *= \{ *(\d+), *(\d+), *"(\w+)", *"([^"]+)" *\},$', re.M)


def rows(source):
    """code -> (status, seconds of Retry-After, title)"""
    return {code: (int(status), int(seconds), title)
            for name, status, seconds, code, title in ROW.findall(source) if name.lower() == code}


def problems(node, headers=frozenset()):
    """Every problem document under `node`, with the headers of the response that shows it."""
    if isinstance(node, dict):
        if str(node.get("type", "")).startswith("urn:waypost:problem:"):
            yield node, headers
        headers = frozenset(node["headers"]) if isinstance(node.get("headers"), dict) else headers
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from problems(child, headers)


def complaints(table, document):
    for problem, headers in problems(document):
        code = problem["code"]
        if code not in table:
            yield f"{code}: the program has no such problem"
            continue
        status, seconds, title = table[code]
        if problem["type"] != f"urn:waypost:problem:{code}":
            yield f"{code}: the type is {problem['type']}"
        if (problem["status"], problem["title"]) != (status, title):
            yield f"{code}: shown as {problem['status']}, {problem['title']!r}; answered {status}, {title!r}"
        if seconds and "Retry-After" not in headers:
            yield f"{code}: the response that shows it lacks Retry-After"


@pytest.fixture(scope="module", name="table")
def read_table():
    return rows((ROOT / "api/problem.c").read_text("utf-8"))


@pytest.fixture(scope="module", name="document")
def read_document():
    return yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))


def test_the_examples_are_what_is_answered(table, document):
    assert not list(complaints(table, document))


def test_the_contract_lists_the_codes_of_the_program(table, document):
    """And those that no operation answers yet, which it says."""
    code = document["components"]["schemas"]["Problem"]["properties"]["code"]
    later = {word for word in code["enum"] if f"`{word}`" in code["description"]}
    assert set(code["enum"]) - later == set(table)


@pytest.mark.parametrize("change, words", [
    ({"title": "Another"}, "answered 503, 'Too much is under way'"), ({"status": 500}, "shown as 500"),
    ({"code": "gone_by"}, "no such problem"), ({"type": "urn:waypost:problem:behind"}, "the type is"),
])
def test_a_difference_is_told(table, change, words):
    problem = {"type": "urn:waypost:problem:busy", "code": "busy", "status": 503, "title": "Too much is under way"}
    shown = {"headers": {"Retry-After": {}}, "content": {"example": problem}}
    assert not list(complaints(table, shown))
    assert any(words in line for line in complaints(table, {**shown, "content": {"example": problem | change}}))


def test_a_missing_header_is_told(table):
    problem = {"type": "urn:waypost:problem:busy", "code": "busy", "status": 503, "title": "Too much is under way"}
    assert any("Retry-After" in line for line in complaints(table, {"headers": {}, "example": problem}))

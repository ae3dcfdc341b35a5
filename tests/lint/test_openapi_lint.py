"""openapi.yaml is well-formed, complete and strict."""
import os
import pathlib
import subprocess

import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
CONTRACT = HERE.parents[1] / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def lint(path):
    assert (HERE / "node_modules").exists(), "the linter is missing: npm ci --ignore-scripts --prefix tests/lint"
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(["node", str(HERE / "test_openapi_lint.mjs"), str(path)], capture_output=True,
                          text=True, env=environment, timeout=60)


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load(CONTRACT.read_text("utf-8"))


def walk(node, path=""):
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from walk(child, f"{path}/{key}")


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def test_the_linter_has_nothing_to_say():
    done = lint(CONTRACT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("old, new", [
    ("      summary: Read an override\n", ""),
    ("revision: 7\n", "revision: seven\n"),
    ("#/components/schemas/Problem\"", "#/components/schemas/Nothing\""),
    ("operationId: getOverride", "operationId: listOverrides"),
])
def test_the_linter_sees_faults(tmp_path, old, new):
    text = CONTRACT.read_text("utf-8")
    assert old in text
    (tmp_path / "openapi.yaml").write_text(text.replace(old, new, 1), "utf-8")
    assert lint(tmp_path / "openapi.yaml").returncode == 1


def test_objects_are_closed(document):
    """No object takes members that are not documented, and no schema is empty."""
    for path, node in walk(document["components"]["schemas"]):
        if isinstance(node, dict) and node.get("type") == "object":
            assert node.get("additionalProperties") is False, path
            assert node.get("properties"), path
        if path.endswith(("/items", "/schema")):
            assert node, path


def test_texts_of_answers_are_bounded_or_patterned(document):
    for name in ("Override", "Problem", "FieldError"):
        for field, schema in document["components"]["schemas"][name]["properties"].items():
            if schema.get("type") == "string":
                assert {"pattern", "maxLength", "enum", "const"} & set(schema), f"{name}.{field}"


def test_every_answer_has_its_id_and_revision(document):
    answers = list(document["components"]["responses"].items())
    answers += [(f"{name} {status}", response) for name, operation in operations(document)
                for status, response in operation["responses"].items() if "$ref" not in response]
    assert len(answers) > 20
    for name, response in answers:
        assert {"X-Request-Id", "X-Waypost-Revision", "Cache-Control"} <= set(response["headers"]), name


def test_every_body_has_an_example(document):
    for name, operation in operations(document):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            assert {"example", "examples"} & set(content), f"{name} {media_type}"
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
            for media_type, content in response.get("content", {}).items():
                if status.isdigit():
                    assert {"example", "examples"} & set(content), f"{name} {status} {media_type}"


def test_codes_belong_to_statuses(document):
    """Each status of an error has its own codes; all of them are in the closed list."""
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    owner = {}
    for name, response in document["components"]["responses"].items():
        schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
        if "properties" not in schema:
            continue
        rule = schema["properties"]
        for code in rule["code"].get("enum", [rule["code"].get("const")]):
            assert code in codes, name
            assert owner.setdefault(code, rule["status"]["const"]) == rule["status"]["const"], name
    assert len(owner) > 15

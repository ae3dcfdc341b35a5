"""openapi.yaml and the program say the same, in both directions. Runs last."""
import json

import pytest

import program as programs


def routes():
    done = programs.run("--dump-routes")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_program_serves_the_contract_of_this_checkout(launch, contract):
    assert launch().client.get("/openapi.yaml").body == contract.text


def test_routes_and_contract_name_the_same_operations(contract):
    """HEAD and OPTIONS are derived by the program: every path that has GET has HEAD, every path OPTIONS."""
    documented = {(method, path): operation["operationId"] for method, path, operation in contract.operations()}
    derived = {key for key in documented if key[0] in ("HEAD", "OPTIONS")}
    served = {(route["method"], route["path"]): route["operation"] for route in routes()}
    assert {key: name for key, name in served.items() if key not in derived} == {
        key: name for key, name in documented.items() if key not in derived}
    paths = {path for _, path in served}
    assert derived == ({("OPTIONS", path) for path in paths}
                       | {("HEAD", path) for method, path in served if method == "GET"})


def test_operation_names_are_unique(contract):
    names = [operation["operationId"] for _, _, operation in contract.operations()]
    assert len(names) == len(set(names))


@pytest.mark.whole_run
def test_every_documented_status_was_exercised(contract):
    missing = [f"{method} {path} {status}" for method, path, status in contract.unexercised()]
    assert not missing, "no test exercised:\n" + "\n".join(missing)


@pytest.mark.whole_run
def test_every_code_that_can_be_answered_was_seen(contract):
    """The contract lists the codes that no operation answers yet; all others occurred."""
    description = contract.document["components"]["schemas"]["Problem"]["properties"]["code"]
    later = {word for word in description["enum"] if f"`{word}`" in description["description"]}
    assert set(description["enum"]) - later - {"internal"} == set(contract.titles)

"""Holds HTTP exchanges against openapi.yaml, and remembers what was exercised.

An OpenAPI 3.1 schema is JSON Schema 2020-12, so python3-jsonschema judges it directly."""
import json
import re
import urllib.parse

import jsonschema
import yaml

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
# What may be answered before any operation is known; the contract's introduction says so.
ANYWHERE = {400, 404, 405, 413, 414, 422, 431}
# The headers of every answer, and the components that describe them.
EVERYWHERE = {
    "X-Request-Id": "RequestId", "X-Waypost-Revision": "SnapshotRevision",
    "X-Content-Type-Options": "ContentTypeOptions", "Content-Security-Policy": "ContentSecurityPolicy",
    "Referrer-Policy": "ReferrerPolicy", "Vary": "Vary", "Access-Control-Allow-Origin": "AllowOrigin",
    "Access-Control-Expose-Headers": "ExposeHeaders",
}

# What every HTTP answer may have.
HEADERS_OF_HTTP = {"connection", "content-length", "content-type", "date", "transfer-encoding"}


class Contract:
    def __init__(self, path):
        self.path = path
        self.text = path.read_bytes()
        self.document = yaml.load(self.text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.seen = set()  # (METHOD, template, documented status)
        self.titles = {}  # code -> the title it was seen with
        self._validators = {}
        self._routes = []
        for template, item in self.document["paths"].items():
            segments = template.strip("/").split("/")
            operations = {name.upper(): self._resolve(operation)
                          for name, operation in item.items() if name in METHODS}
            self._routes.append((template, segments, operations))

    def operations(self):
        """(method, template, operation) of everything that is documented."""
        for template, _, operations in self._routes:
            for method, operation in operations.items():
                yield method, template, operation

    def find(self, target):
        """-> (template, operations) of a request target; (None, {}) for an unknown path."""
        segments = [urllib.parse.unquote(segment) for segment in target.split("?")[0][1:].split("/")]
        found = None, {}
        for template, pattern, operations in self._routes:
            if len(pattern) == len(segments) and all(
                    p == s or p.startswith("{") for p, s in zip(pattern, segments)):
                if "{" not in template:
                    return template, operations
                found = template, operations
        return found

    def inline(self, schema):
        """The schema without references."""
        return self._inline(schema)

    def parameter(self, node):
        """A parameter without references."""
        parameter = self._resolve(node)
        return {**parameter, "schema": self._inline(parameter["schema"])}

    def remember(self, path):
        """Leaves what was seen to another process; see recall()."""
        path.write_text(json.dumps({"seen": sorted(self.seen), "titles": self.titles}))

    def recall(self, path):
        other = json.loads(path.read_text())
        self.seen.update(map(tuple, other["seen"]))
        self.titles.update(other["titles"])

    def unexercised(self):
        documented = {(method, template, status)
                      for method, template, operation in self.operations()
                      for status in operation["responses"]}
        return sorted(documented - self.seen)

    def complaints(self, method, target, answer):
        """What is wrong with one answer; an empty list if nothing is."""
        found = list(self._exchange(method, target, answer))
        return [f"{method} {target[:200]} -> {answer.status}: {complaint}" for complaint in found]

    def _exchange(self, method, target, answer):
        yield from self._everywhere(method, answer)
        template, operations = self.find(target)
        if method not in operations:
            yield from self._no_operation(method, template, operations, answer)
            return
        responses = operations[method]["responses"]
        exact, family = str(answer.status), f"{answer.status // 100}XX"
        status = exact if exact in responses else family
        if status not in responses:
            yield f"undocumented status; documented are {', '.join(responses)}"
            return
        self.seen.add((method, template, status))
        response = responses[status]
        for name, header in response.get("headers", {}).items():
            yield from self._header(name, header, answer)
        known = HEADERS_OF_HTTP | {name.lower() for name in [*EVERYWHERE, *response.get("headers", {})]}
        for name in answer.headers:
            if name.lower() not in known:
                yield f"undocumented header {name}"
        yield from self._body(method, response.get("content", {}), answer)

    def _everywhere(self, method, answer):
        for name, component in EVERYWHERE.items():
            header = self._resolve(self.document["components"]["headers"][component])
            yield from self._header(name, header, answer)
        if answer.status >= 400 and method != "HEAD":
            yield from self._problem(answer)
        if answer.status in (429, 503) and "Retry-After" not in answer.headers:
            yield "no header Retry-After"
        if (method == "HEAD" or answer.status in (204, 304)) and answer.body:
            yield "has a body"

    def _no_operation(self, method, template, operations, answer):
        if template is None:
            if answer.status not in ANYWHERE - {405}:
                yield "undocumented path"
            elif answer.status == 404 and method != "HEAD" and answer.code != "no_route":
                yield "404 of an unknown path must be no_route"
            return
        if answer.status not in ANYWHERE - {404}:
            yield "undocumented method"
        elif answer.status == 405:
            allowed = {word.strip() for word in answer.headers.get("Allow", "").split(",")}
            if allowed != set(operations):
                yield f"Allow says {sorted(allowed)}, the contract {sorted(operations)}"

    def _problem(self, answer):
        if answer.media_type != "application/problem+json":
            yield f"an error as {answer.media_type!r}"
            return
        schema = self.document["components"]["schemas"]["Problem"]
        broken = list(self._schema(schema, answer))
        yield from broken
        if broken:
            return
        problem = answer.json()
        if problem["status"] != answer.status:
            yield f"status {problem['status']} in the body"
        if problem["type"] != "urn:waypost:problem:" + problem["code"]:
            yield f"type {problem['type']} with code {problem['code']}"
        if problem["instance"] != "urn:waypost:request:" + answer.headers.get("X-Request-Id", ""):
            yield f"instance {problem['instance']} is not X-Request-Id"
        if self.titles.setdefault(problem["code"], problem["title"]) != problem["title"]:
            yield f"title {problem['title']!r}, before {self.titles[problem['code']]!r}"
        if answer.status == 500:
            yield f"a defect: {problem['detail']}"

    def _header(self, name, header, answer):
        value = answer.headers.get(name)
        if value is None:
            if header.get("required"):
                yield f"no header {name}"
            return
        schema = header["schema"]
        if schema.get("type") == "integer":
            if not re.fullmatch(r"[0-9]+", value):
                yield f"header {name}: {value!r} is no integer"
                return
            value = int(value)
        for error in self._validator(schema).iter_errors(value):
            yield f"header {name}: {error.message}"

    def _body(self, method, content, answer):
        if method == "HEAD":
            return
        if not content:
            if answer.body:
                yield "a body where none is documented"
        elif answer.media_type not in content:
            yield f"undocumented content type {answer.media_type!r}"
        else:
            yield from self._schema(content[answer.media_type]["schema"], answer)

    def _schema(self, schema, answer):
        if answer.media_type.endswith("json"):
            try:
                value = answer.json()
            except ValueError as error:
                yield f"the body is not JSON: {error}"
                return
        else:
            value = answer.text
        for error in self._validator(schema).iter_errors(value):
            place = "/".join(str(part) for part in error.absolute_path)
            yield f"body /{place}: {error.message[:300]}"

    def _validator(self, schema):
        if id(schema) not in self._validators:
            whole = self._inline(schema)
            jsonschema.Draft202012Validator.check_schema(whole)
            # The schema is kept beside its validator, so that its id stays its own.
            self._validators[id(schema)] = schema, jsonschema.Draft202012Validator(whole)
        return self._validators[id(schema)][1]

    def _pointer(self, reference):
        node = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def _resolve(self, node):
        """The node with the references of its OpenAPI objects (not of its schemas) followed."""
        if isinstance(node, list):
            return [self._resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return self._resolve(self._pointer(node["$ref"]))
        return {key: value if key == "schema" else self._resolve(value)
                for key, value in node.items()}

    def _inline(self, schema):
        """A schema without references, and with `$` as ECMAScript means it: the very end."""
        if isinstance(schema, list):
            return [self._inline(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        rest = {key: self._inline(value) for key, value in schema.items() if key != "$ref"}
        if isinstance(rest.get("pattern"), str):
            rest["pattern"] = re.sub(r"\$$", r"\\Z", rest["pattern"])
        if "$ref" not in schema:
            return rest
        target = self._inline(self._pointer(schema["$ref"]))
        return {"allOf": [target, rest]} if rest else target

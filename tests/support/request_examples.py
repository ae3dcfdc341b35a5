"""Requests for an operation of the contract: right ones, ones with one mistake, and odd ones."""
import dataclasses
import json
import re
import urllib.parse

from hypothesis import strategies as st

import schema_examples

RIGHT, WRONG, ODD = "right", "wrong", "odd"
LONG_HEADER = 9_000  # two are over the limit; of much more the HTTP library answers by itself
SHARES = {RIGHT: 5, WRONG: 4, ODD: 1}
BLANKS = " \t"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


@dataclasses.dataclass(frozen=True)
class Request:
    kind: str
    method: str
    template: str
    target: str
    headers: dict
    body: object  # bytes, or None
    values: dict  # what the parameters and the body are made from
    mistake: str = ""

    def __str__(self):
        body = "" if self.body is None else f" {self.body[:300]!r}"
        return f"{self.kind} ({self.mistake}) {self.method} {self.target[:500]} {self.headers}{body}"


class Operation:
    """What the contract says of one, without references."""

    def __init__(self, contract, method, template, operation):
        self.method = method
        self.template = template
        self.name = operation["operationId"]
        self.scopes = {scope for way in operation.get("security", []) for scopes in way.values() for scope in scopes}
        nodes = contract.document["paths"][template].get("parameters", []) + operation.get("parameters", [])
        parameters = map(contract.parameter, nodes)  # the operation's own come last, and count
        self.parameters = [*{(one["name"], one["in"]): one for one in parameters}.values()]
        content = operation.get("requestBody", {}).get("content", {})
        self.media_types = sorted(content)
        self.body = contract.inline(content[self.media_types[0]]["schema"]) if content else None
        self.statuses = set(operation["responses"])

    def __repr__(self):
        return self.name

    def requests(self, hints):
        """`hints`: name -> what to try there, too; those under the name `only` are tried instead of the schema."""
        kinds = {RIGHT: self._right(hints), ODD: self._odd(hints)}
        if self.method != "OPTIONS":  # that looks at the path only
            kinds[WRONG] = st.one_of(self._wrong(hints))
        shares = [kind for kind in (RIGHT, WRONG, ODD) for _ in range(SHARES[kind]) if kind in kinds]
        return st.sampled_from(shares).flatmap(kinds.get)

    # --- right ------------------------------------------------------------------------------------

    def _values(self, hints):
        needed, optional = {}, {}
        for parameter in self.parameters:
            made = _of_parameter(parameter, hints)
            (needed if parameter.get("required") else optional)[parameter["name"]] = made
        values = st.fixed_dictionaries(needed, optional=optional)
        if self.body is None:
            return values
        bodies = schema_examples.valid(self.body, hints)
        return st.builds(lambda values, body: {**values, "body": body}, values, bodies)

    def _plain_values(self, hints):
        """What is needed, and sure to be taken: so that nothing hides the mistake beside it."""
        values = st.fixed_dictionaries({
            parameter["name"]: hints[parameter["name"]] if parameter["name"] in hints else _of_parameter(parameter, hints)
            for parameter in self.parameters if parameter.get("required")})
        if self.body is None:
            return values
        bodies = schema_examples.valid(self.body, hints)
        return st.builds(lambda values, body: {**values, "body": body}, values, bodies)

    def _right(self, hints):
        return st.builds(lambda values, media: self._request(RIGHT, values, media=media), self._values(hints),
                         st.sampled_from(self.media_types or [None]))

    # --- one mistake ------------------------------------------------------------------------------

    def _wrong(self, hints):
        right = self._plain_values(hints)
        made = [st.builds(self._unknown_parameter, right, st.sampled_from(["x", "LIMIT", "limit ", "%00", "", "é"]))]
        for parameter in self.parameters:
            wrong = _wrong_parameter(parameter)
            if wrong is not None:
                made.append(st.builds(
                    lambda values, text, name=parameter["name"]: self._request(
                        WRONG, {**values, name: text}, f"{name} is {text[:60]!r}"), right, wrong))
            if parameter["in"] == "query":
                made.append(st.builds(lambda values, value, name=parameter["name"]: self._twice(values, name, value),
                                      right, _of_parameter(parameter, hints)))
                if parameter.get("required"):
                    made.append(right.map(lambda values, name=parameter["name"]: self._request(
                        WRONG, {key: value for key, value in values.items() if key != name}, f"no {name}")))
        return made + (self._wrong_bodies(right, hints) if self.body else [right.map(self._unwanted_body)])

    def _unknown_parameter(self, values, name):
        request = self._request(WRONG, values, f"unknown parameter {name!r}")
        separator = "&" if "?" in request.target else "?"
        name = urllib.parse.quote(name, safe="%") or "="
        return dataclasses.replace(request, target=f"{request.target}{separator}{name}=1")

    def _twice(self, values, name, value):
        request = self._request(WRONG, {**values, name: value}, f"{name} comes twice")
        return dataclasses.replace(request, target=f"{request.target}&{name}={_quoted(value)}")

    def _wrong_bodies(self, right, hints):
        wrong = schema_examples.invalid(self.body, hints)
        broken = st.sampled_from([b"", b"{", b"null", b"[]", b"\xff", b"{}{}", b"{\"a\":1,\"a\":2}", b"\x00", b"1e999"])
        return [
            st.builds(lambda values, body: self._request(WRONG, {**values, "body": body}, "body"), right, wrong),
            st.builds(lambda values, body: self._request(WRONG, values, "body", raw=body), right, broken),
            st.builds(lambda values, media: self._request(WRONG, values, f"media type {media}", media=media), right,
                      st.sampled_from([None, "text/plain", "application/xml", "application/json; charset=latin1",
                                       "application/x-www-form-urlencoded", "", "json"])),
        ]

    def _unwanted_body(self, values):
        return self._request(WRONG, values, "a body where none belongs", raw=b"{}", media=JSON)

    # --- odd --------------------------------------------------------------------------------------

    def _odd(self, hints):
        """What may be answered one way or the other; but as the contract says."""
        headers = st.dictionaries(
            st.sampled_from(["Accept", "If-Match", "If-None-Match", "X-Request-Id", "X-Waypost-Reason", "Range",
                             "Authorization", "X-API-Key", "Content-Type", "Connection", "Host", "If-Modified-Since",
                             "X-Forwarded-For", "Cookie", "Upgrade", "TE", "Origin",
                             "Access-Control-Request-Method"]),
            st.one_of(st.sampled_from(["*", "*/*", "text/plain", "text/html;q=0", "application/json", "close",
                                       "Bearer x", "Basic eDp5", "null", "http://other.example", "gzip", '"1-2"',
                                       'W/"7"', "bytes=0-1", "", ",", ";"]),
                      schema_examples.TEXT, st.just("x" * LONG_HEADER)).map(_as_header), min_size=1, max_size=2)
        paths = st.sampled_from(["", "/", "//", "?", "?&", "#x", "%", "%zz", "%00", "/..", "/.", ";a=b", "?%"])
        return st.builds(self._made_odd, self._values(hints), headers, paths, st.booleans(),
                         st.sampled_from([self.method, self.method, "TRACE", "QUERY", "PROPFIND", "get", "CONNECT",
                                          "X" * 100, *"PUT POST PATCH DELETE GET HEAD OPTIONS".split()]))

    def _made_odd(self, values, headers, tail, with_tail, method):
        request = self._request(ODD, values)
        target = request.target + (tail if with_tail else "")
        return dataclasses.replace(request, method=method, headers={**request.headers, **headers}, target=target)

    # --- how values become a request --------------------------------------------------------------

    def _request(self, kind, values, mistake="", raw=None, media=JSON):
        target, query, headers = self.template, [], {}
        for parameter in self.parameters:
            name = parameter["name"]
            if name not in values:
                continue
            if parameter["in"] == "path":
                target = target.replace("{" + name + "}", _quoted(values[name]))
            elif parameter["in"] == "query":
                query.append(f"{name}={_quoted(values[name])}")
            else:
                headers[name] = _as_header(str(values[name]))
        body = raw
        if body is None and "body" in values:
            body = json.dumps(values["body"]).encode()
        if body is not None and media is not None:
            headers["Content-Type"] = media
        target += "?" + "&".join(query) if query else ""
        return Request(kind, self.method, self.template, target, headers, body, values, mistake)


def _quoted(value):
    return urllib.parse.quote(str(value), safe="@:[]")


def _as_header(text):
    """As octets: a header is UTF-8 here, and no line end can be in it."""
    return re.sub("[\r\n]", " ", text).encode()


def _of_parameter(parameter, hints):
    name, schema = parameter["name"], parameter["schema"]
    if name in hints.get("only", {}):
        return hints["only"][name]
    made = schema_examples.valid(schema)
    if parameter["in"] == "header":
        made = made.filter(lambda text: text == text.strip(BLANKS))
    if name not in hints:
        return made
    return schema_examples.hinted(hints[name].filter(schema_examples.validator(schema).is_valid), made)


def _wrong_parameter(parameter):
    """Texts that are no value of the parameter; None: every text is one."""
    schema = parameter["schema"]
    flat = schema_examples.flat(schema)
    is_valid = schema_examples.validator(schema).is_valid
    if flat.get("type") == "integer":
        numbers = schema_examples.invalid(schema).filter(lambda value: type(value) is int).map(str)
        edges = st.sampled_from([str(number) for number in schema_examples.just_outside(flat)] or ["-1"])
        others = st.one_of(schema_examples.ODD_TEXT, schema_examples.TEXT)
        texts = schema_examples.hinted(edges, schema_examples.hinted(numbers, others))
        return texts.filter(lambda text: not (re.fullmatch("[+-]?[0-9]+", text) and is_valid(int(text))))
    texts = schema_examples.invalid(schema).filter(lambda value: isinstance(value, str))
    if parameter["in"] == "path":
        return texts.filter(lambda text: text not in ("", ".", ".."))
    if parameter["in"] == "header":
        texts = texts.filter(lambda text: text and not re.search("[\r\n]", text) and text == text.strip(BLANKS))
    return texts

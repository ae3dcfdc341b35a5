"""Values that a JSON Schema allows, and values that it just does not, as hypothesis strategies.

For the part of JSON Schema 2020-12 that openapi.yaml uses. A strategy proposes by the look of the schema;
python3-jsonschema has the last word on every value."""
import calendar
import functools
import re

import jsonschema
from hypothesis import strategies as st

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
ODD_TEXT = st.sampled_from(["", " ", "\x00", "a\x00b", "\x1f", "\x7f", "\n", "\r\n", "a b", ".", "..", "/", "%", "%00",
                            "null", "true", "-1", "1e3", "é", "\u202e", "\ufeff", "\U0001f600", "' OR 1=1 --", "{}",
                            "x" * 64, "x" * 257, "x" * 2000])
WRONG_TYPES = st.sampled_from([None, True, False, 0, -1, 1.5, 2**63, 2**70, "", "x", "7", [], [None], {}, {"x": 1}])
LARGEST_LIST = 3  # elements, where a schema does not say that more is needed
HUGE = 2**64
LONGEST_TEXT = 10_000  # that is made


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_moment(value):
    """Of a text that has the form: whether the calendar has the day, and no leap second."""
    if not isinstance(value, str):
        return True
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)[Tt]\d\d:\d\d:(\d\d)", value)
    if not match:
        return False
    year, month, day, second = map(int, match.groups())
    # The calendar repeats itself every 400 years, and Python's has no year 0.
    return second < 60 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year % 400 + 2000, month)[1]


def flat(schema):
    """The schema without `allOf`; of two words of one name the one in front remains."""
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", ()):
        part = flat(part)
        both = {**part.get("properties", {}), **merged.get("properties", {})}
        merged = {**part, **merged, **({"properties": both} if both else {})}
    return merged


def valid(schema, hints=None):
    """`hints`: name of a member -> a strategy that proposes what is of interest there."""
    return _proposed(schema, hints or {}).filter(validator(schema).is_valid)


def hinted(hint, made):
    """As often the one as the other; st.one_of() would count the branches of `made` one by one."""
    return st.booleans().flatmap(lambda is_hinted: hint if is_hinted else made)


def _proposed(schema, hints):
    schema = flat(schema)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            rest = {key: value for key, value in schema.items() if key != word}
            return st.one_of([_proposed({"allOf": [rest, option]}, hints) for option in schema[word]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([MAKERS[kind](schema, hints) for kind in kinds])


def _integer(schema, _):
    least, most = schema.get("minimum", -HUGE), schema.get("maximum", HUGE)
    edges = {least, least + 1, most - 1, most, 0, 1, 2**31, 2**32, 2**53 + 1}
    return st.one_of(st.integers(least, most), st.sampled_from(sorted(n for n in edges if least <= n <= most)))


def _string(schema, _):
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    is_valid = validator(schema).is_valid
    sizes = {least, least + 1} | ({most, most - 1} if most and most < 10_000 else set())
    edges = [text for size in sorted(sizes) for letter in ("x", "0", "é", " ", "\U0001f600")
             if is_valid(text := letter * size)]
    edges += [text for text in schema.get("examples", []) if is_valid(text)]
    made = [st.sampled_from(edges)] if edges else []
    if schema.get("format") == "date-time":
        made.append(st.datetimes().map(lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")))
    if "pattern" in schema:
        made.append(_of_pattern(schema["pattern"]))
    else:
        made.append(st.text(st.characters(blacklist_categories=("Cs",)), min_size=least,
                            max_size=max(least, min(most or 40, 40))))
    return st.one_of(made)


@functools.lru_cache(maxsize=None)
def _of_pattern(pattern):
    return st.from_regex(pattern).filter(_is_text)


def _is_text(text):
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _array(schema, hints):
    least = schema.get("minItems", 0)
    most = max(least, min(schema.get("maxItems", LARGEST_LIST), LARGEST_LIST))
    return st.lists(valid(schema["items"], hints), min_size=least, max_size=most)


def _object(schema, hints):
    members = {}
    for name, member in schema.get("properties", {}).items():
        made = valid(member)
        members[name] = hinted(hints[name], made) if name in hints else made
    needed = schema.get("required", ())
    return st.fixed_dictionaries({name: members[name] for name in needed},
                                 optional={name: made for name, made in members.items() if name not in needed})


MAKERS = {"boolean": lambda *_: st.booleans(), "null": lambda *_: st.none(), "integer": _integer,
          "string": _string, "array": _array, "object": _object}


def invalid(schema, hints=None):
    """Values that are one mistake away from what the schema allows."""
    is_valid = validator(schema).is_valid
    edges = [value for value in just_outside(flat(schema)) if not is_valid(value)]
    others = st.one_of(_mistakes(flat(schema), hints or {})).filter(lambda value: not is_valid(value))
    return hinted(st.sampled_from(edges), others) if edges else others


def just_outside(schema):
    """What is one too many or one too few."""
    edges = [schema[word] + step for word, step in (("minimum", -1), ("maximum", 1)) if word in schema]
    if schema.get("minLength", 0) > 0:
        edges.append("x" * (schema["minLength"] - 1))
    if schema.get("maxLength", LONGEST_TEXT) < LONGEST_TEXT:
        edges += ["x" * (schema["maxLength"] + 1), "é" * (schema["maxLength"] + 1)]
    return edges


def _mistakes(schema, hints):
    made = [WRONG_TYPES]
    kinds = schema.get("type", ())
    if "object" in kinds:
        made += _broken_objects(schema, hints)
    if "array" in kinds:
        made.append(st.lists(invalid(schema["items"]), min_size=1, max_size=2))
        made.append(st.just([""] * (schema.get("maxItems", LARGEST_LIST) + 1)))
    if "integer" in kinds:
        made.append(st.sampled_from([-HUGE, HUGE]))
    if "string" in kinds:
        made += [ODD_TEXT, TEXT]
        made.append(st.builds(lambda text, odd, at: text[:at] + odd + text[at:],
                              _proposed(schema, {}), ODD_TEXT, st.integers(0, 10)))
    return made


def _broken_objects(schema, hints):
    right = valid(schema, hints)
    properties = schema.get("properties", {})
    made = [st.builds(lambda value, name, more: {**value, name: more}, right,
                      st.one_of(st.sampled_from(["x", "", "Revision", "lookup_key ", "\x00", "é"]), TEXT), WRONG_TYPES)]
    for name in schema.get("required", ()):
        made.append(right.map(lambda value, name=name: {key: more for key, more in value.items() if key != name}))
    for name, member in properties.items():
        made.append(st.builds(lambda value, wrong, name=name: {**value, name: wrong}, right, invalid(member)))
    return made

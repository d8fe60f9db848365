"""The schema is valid, takes every word as JSON, and refuses what is not one."""

import json
from pathlib import Path
from typing import Any

import pytest
from recon.dsl import vocabulary
from recon.dsl.check.page import load
from recon.dsl.show.explain import example_word
from recon.dsl.show.new import templates
from recon.dsl.show.schema import DRAFT, as_json, schema

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema(), allow_nan=False)))


def test_the_schema_is_valid_and_complete() -> None:
    s = schema()
    jsonschema.Draft202012Validator.check_schema(s)
    assert s["$schema"] == DRAFT
    for kind, name in vocabulary.words():
        of = s["$defs"][f"{kind}.{name}"]
        assert of["properties"]["kind"] == {"const": kind}
        assert of["properties"]["name"] == {"const": name}


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(schema())
    definitions = schema()["$defs"]
    used = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert used <= set(definitions)


@pytest.mark.parametrize("key", sorted(vocabulary.words()), ids="-".join)
def test_words_as_json_are_valid(key: tuple[str, str], validator: Any) -> None:
    word = example_word(vocabulary.words()[key])
    if word is None:
        pytest.skip("its arguments are names of a page")
    value = json.loads(json.dumps(as_json(word), allow_nan=False))
    validator.validate(value)
    assert (value["kind"], value["name"]) == key
    assert not validator.is_valid({**value, "no_such_option": 1})


@pytest.mark.parametrize("name", sorted(templates()))
def test_whole_pages_as_json_are_valid(name: str, validator: Any) -> None:
    e = load(templates()[name], name, Path()).experiment
    for f in e.methods.values():
        words = [line.law for line in f.likelihoods]
        words += [p.energy.word for p in f.priors if hasattr(p.energy, "word")]
        for word in words:
            validator.validate(json.loads(json.dumps(as_json(word), allow_nan=False)))


def test_what_is_no_word_is_refused(validator: Any) -> None:
    good = {"kind": "kernel", "name": "gaussian", "width": 2.0}
    validator.validate(good)
    for bad in (
        {**good, "width": 0},
        {**good, "width": "2"},
        {"kind": "kernel", "name": "gaussian"},
        {"kind": "kernel", "name": "gausian", "width": 2.0},
        {"kind": "sorcery", "name": "gaussian", "width": 2.0},
        {"kind": "operator", "name": "conv", "kernel": {"kind": "array", "name": "vignette"}},
        [],
    ):
        assert not validator.is_valid(bad), bad

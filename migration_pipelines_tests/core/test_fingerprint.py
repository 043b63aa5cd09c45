"""Fingerprints: the same content gives the same, any other content another."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from migration_pipelines.core.fingerprint import canonical, digest, fingerprint
from migration_pipelines.core.schema import FieldSchema, ObjectSchema, OrgSchema, fingerprint_touched

# Lone surrogates included; in JSON two that make a pair are the character that they stand for.
ANY_TEXT = st.text(st.characters()).map(
    lambda value: value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)


def test_a_fingerprint_is_the_sha_256_of_the_sorted_content() -> None:
    # printf '{"a":1,"b":"\\u00e9"}' | sha256sum
    assert canonical({"b": "é", "a": 1}) == rb'{"a":1,"b":"\u00e9"}'
    assert fingerprint({"b": "é", "a": 1}) == "6071e7aa781e8adc235db31b17e6d0ee"


@given(CONTENT)
def test_any_content_has_a_form_that_says_all_of_it(content: Any) -> None:
    assert json.loads(canonical(content)) == content
    assert digest(content).hex() == fingerprint(content)


@given(CONTENT, CONTENT)
def test_contents_that_differ_have_fingerprints_that_differ(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def org(**change: Any) -> OrgSchema:
    fields = {
        "EMAIL": FieldSchema(**({"name": "EMAIL", "max_length": 256} | change)),
        "OTHER": FieldSchema(name="OTHER"),
    }
    return OrgSchema(
        crm="kommo", identity="kommo:1", objects={"contacts": ObjectSchema(name="contacts", fields=fields)}
    )


TOUCHED = {"contacts": {"EMAIL"}}


def test_a_schema_is_the_same_while_what_the_mapping_touches_is() -> None:
    """COMMON-26: another org with the same fields counts as the same; its ids and labels do not."""
    other = org(label="E-mail address").model_copy(update={"identity": "kommo:2"})

    assert fingerprint_touched(other, TOUCHED) == fingerprint_touched(org(), TOUCHED)


def test_a_schema_is_another_as_soon_as_a_touched_field_differs() -> None:
    prints = {
        fingerprint_touched(org(**change), TOUCHED)
        for change in (
            {},
            {"max_length": 10},
            {"type": "url"},
            {"required": True},
            {"choices": ("a",)},
            {"writable": False},
        )
    }

    assert len(prints) == 6


def test_a_touched_field_that_is_gone_is_a_difference() -> None:
    contacts = org().objects["contacts"]
    without = contacts.model_copy(update={"fields": {"EMAIL": contacts.fields["EMAIL"]}})
    gone = org().model_copy(update={"objects": {"contacts": without}})

    assert fingerprint_touched(gone, {"contacts": {"EMAIL", "OTHER"}}) != (
        fingerprint_touched(org(), {"contacts": {"EMAIL", "OTHER"}})
    )
    assert fingerprint_touched(gone, TOUCHED) == fingerprint_touched(org(), TOUCHED)

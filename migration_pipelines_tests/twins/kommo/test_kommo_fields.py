"""Custom fields: their definitions, and the values that each type takes."""

import pytest


def make_field(kommo, entity="leads", **told):
    return kommo.post(f"{entity}/custom_fields", json=[{"name": "Field", "type": "text"} | told])


def write(kommo, *entries, entity="leads"):
    return kommo.post(entity, json=[{"custom_fields_values": list(entries)}])


def stored(kommo, answer, entity="leads"):
    (item,) = answer.json()["_embedded"][entity]
    return kommo.read(f"{entity}/{item['id']}")["custom_fields_values"]


@pytest.mark.parametrize(
    ("entity", "codes"),
    [("contacts", {"PHONE", "EMAIL", "POSITION"}), ("companies", {"PHONE", "EMAIL", "WEB", "ADDRESS"})],
)
def test_an_account_has_preset_fields(kommo, entity, codes):
    fields = kommo.read(f"{entity}/custom_fields")["_embedded"]["custom_fields"]

    assert {field["code"] for field in fields} == codes


def test_phone_and_email_have_the_documented_enum_codes(kommo):
    fields = {field["code"]: field for field in kommo.read("contacts/custom_fields")["_embedded"]["custom_fields"]}

    assert [enum["code"] for enum in fields["PHONE"]["enums"]] == ["WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"]
    assert [enum["code"] for enum in fields["EMAIL"]["enums"]] == ["WORK", "PRIV", "OTHER"]


def test_a_created_field_is_answered_201_with_its_full_model_and_enum_ids(kommo):
    answer = make_field(kommo, type="select", code="SIZE", enums=[{"value": "S"}, {"value": "L"}], request_id="r")

    (field,) = answer.json()["_embedded"]["custom_fields"]
    assert answer.status_code == 201
    assert answer.json()["_total_items"] == 1
    assert (field["code"], field["type"], field["entity_type"], field["request_id"]) == ("SIZE", "select", "leads", "r")
    assert len({enum["id"] for enum in field["enums"]}) == 2


def test_the_list_is_paged_with_totals_and_a_last_link(kommo):
    kommo.post("leads/custom_fields", json=[{"name": f"F{n}", "type": "text"} for n in range(60)])

    body = kommo.read("leads/custom_fields")

    assert (body["_page"], body["_page_count"], len(body["_embedded"]["custom_fields"])) == (1, 2, 50)
    assert body["_total_items"] == 63
    assert {"self", "next", "last"} == set(body["_links"])


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"name": ""}, ("FieldMissing", "name")),
        ({"type": ""}, ("FieldMissing", "type")),
        ({"type": "multitext"}, ("NotSupportedChoice", "type")),
        ({"type": "colour"}, ("NotSupportedChoice", "type")),
        ({"code": "UTM_SOURCE"}, ("NotUnique", "code")),
    ],
)
def test_a_field_that_cannot_be_is_refused(kommo, complaints_of, told, complaint):
    assert complaints_of(make_field(kommo, **told)) == [complaint]


def test_a_type_cannot_be_changed_afterwards(kommo, complaints_of):
    field = make_field(kommo).json()["_embedded"]["custom_fields"][0]["id"]

    answer = kommo.patch(f"leads/custom_fields/{field}", json={"type": "textarea"})

    assert complaints_of(answer) == [("NotSupportedChoice", "type")]
    assert kommo.patch(f"leads/custom_fields/{field}", json={"name": "New"}).json()["name"] == "New"


def test_an_option_sent_without_its_id_gets_a_new_one_and_the_old_value_is_gone(kommo):
    field = make_field(kommo, type="select", enums=[{"value": "S"}]).json()["_embedded"]["custom_fields"][0]
    old = field["enums"][0]["id"]
    lead = write(kommo, {"field_id": field["id"], "values": [{"enum_id": old}]})

    (enum,) = kommo.patch(f"leads/custom_fields/{field['id']}", json={"enums": [{"value": "S"}]}).json()["enums"]

    assert enum["id"] != old
    assert stored(kommo, lead)[0]["values"] == []


def test_a_bulk_patch_shows_enums_as_an_object_keyed_by_index(kommo):
    field = make_field(kommo, type="select", enums=[{"value": "S"}]).json()["_embedded"]["custom_fields"][0]

    body = kommo.patch("leads/custom_fields", json=[{"id": field["id"], "name": "New"}]).json()

    assert body["_embedded"]["custom_fields"][0]["enums"] == {"0": field["enums"][0]}


def test_deleting_a_field_drops_its_values_and_preset_fields_stay(kommo):
    field = make_field(kommo, code="A").json()["_embedded"]["custom_fields"][0]["id"]
    lead = write(kommo, {"field_code": "A", "values": [{"value": "x"}]})

    assert kommo.delete(f"leads/custom_fields/{field}").status_code == 204
    assert stored(kommo, lead) is None
    assert kommo.get(f"leads/custom_fields/{field}").status_code == 404
    assert kommo.delete(f"contacts/custom_fields/{kommo.ids('contacts/custom_fields')[0]}").status_code == 400


@pytest.mark.parametrize(
    ("field_type", "sent", "read"),
    [
        ("text", "abc", "abc"),
        ("text", "x" * 256, "x" * 256),
        ("textarea", "x" * 5000, "x" * 5000),
        ("numeric", 12.5, "12.5"),
        ("monetary", "99.90", "99.90"),
        ("checkbox", True, True),
        ("date", 1_577_836_800, 1_577_836_800),
        ("date_time", "2020-01-01T00:00:00+00:00", 1_577_836_800),
        ("birthday", -86_400, -86_400),
        ("url", "https://a.example", "https://a.example"),
    ],
)
def test_a_value_reads_back_as_its_type_shows_it(kommo, field_type, sent, read):
    field = make_field(kommo, type=field_type).json()["_embedded"]["custom_fields"][0]["id"]

    answer = write(kommo, {"field_id": field, "values": [{"value": sent}]})

    assert answer.status_code == 200
    assert stored(kommo, answer) == [
        {
            "field_id": field,
            "field_name": "Field",
            "field_code": None,
            "field_type": field_type,
            "values": [{"value": read}],
            "is_computed": False,
        }
    ]


@pytest.mark.parametrize(
    ("field_type", "value", "code"),
    [
        ("text", "x" * 257, "TooLong"),
        ("text", True, "InvalidType"),
        ("numeric", "many", "InvalidType"),
        ("checkbox", "yes", "InvalidType"),
        ("date", 1_577_836_800_000, "InvalidType"),
        ("date", "01.01.2020", "InvalidType"),
        ("select", "nowhere", "NotSupportedChoice"),
    ],
)
def test_a_value_that_its_type_does_not_take_is_refused_by_path(kommo, complaints_of, field_type, value, code):
    make_field(kommo, type=field_type, code="F", enums=[{"value": "S"}])

    answer = write(kommo, {"field_code": "F", "values": [{"value": value}]})

    assert complaints_of(answer) == [(code, "custom_fields_values.0.values.0.value")]


@pytest.mark.parametrize("key", ["field_id", "field_code"])
def test_an_unknown_field_is_not_a_supported_choice(kommo, complaints_of, key):
    answer = write(kommo, {key: 1 if key == "field_id" else "NOPE", "values": [{"value": "x"}]})

    assert complaints_of(answer) == [("NotSupportedChoice", f"custom_fields_values.0.{key}")]


def test_an_option_is_named_by_id_text_or_code(kommo):
    told = {"type": "multiselect", "code": "M", "enums": [{"value": "S", "code": "s"}, {"value": "M"}, {"value": "L"}]}
    enums = make_field(kommo, **told).json()["_embedded"]["custom_fields"][0]["enums"]

    named = [{"enum_code": "s"}, {"value": "M"}, {"enum_id": enums[2]["id"]}]
    answer = write(kommo, {"field_code": "M", "values": named})

    assert [value["value"] for value in stored(kommo, answer)[0]["values"]] == ["S", "M", "L"]


def test_a_phone_carries_its_enum_and_without_one_it_is_work(kommo, complaints_of):
    phones = {"field_code": "PHONE", "values": [{"value": "+1", "enum_code": "MOB"}, {"value": "+2"}]}

    values = stored(kommo, write(kommo, phones, entity="contacts"), "contacts")[0]["values"]

    assert [(value["value"], value["enum_code"]) for value in values] == [("+1", "MOB"), ("+2", "WORK")]
    assert all(value["enum_id"] for value in values)
    bad = {"field_code": "EMAIL", "values": [{"value": "a@b", "enum_code": "MOB"}]}
    assert complaints_of(write(kommo, bad, entity="contacts")) == [
        ("NotSupportedChoice", "custom_fields_values.0.values.0.enum_code")
    ]


def test_a_field_that_is_sent_has_its_whole_value_set_replaced_and_others_stay(kommo):
    def values():
        fields = kommo.read(f"contacts/{contact}")["custom_fields_values"]
        return {field["field_code"]: [value["value"] for value in field["values"]] for field in fields}

    phone = {"field_code": "PHONE", "values": [{"value": "+1"}, {"value": "+2"}]}
    email = {"field_code": "EMAIL", "values": [{"value": "a@b"}]}
    contact = kommo.make("contacts", {"custom_fields_values": [phone, email]})

    new = {"field_code": "PHONE", "values": [{"value": "+3"}]}
    kommo.patch(f"contacts/{contact}", json={"custom_fields_values": [new]})
    assert values() == {"PHONE": ["+3"], "EMAIL": ["a@b"]}
    kommo.patch(f"contacts/{contact}", json={"custom_fields_values": None})
    assert values() == {"PHONE": ["+3"], "EMAIL": ["a@b"]}


def test_an_address_has_six_parts(kommo):
    make_field(kommo, type="smart_address", code="A")
    parts = [{"value": "Istanbul", "enum_code": "city"}, {"value": "TR", "enum_id": 6}]

    (field,) = stored(kommo, write(kommo, {"field_code": "A", "values": parts}))

    assert [(value["enum_code"], value["value"]) for value in field["values"]] == [
        ("city", "Istanbul"),
        ("country", "TR"),
    ]

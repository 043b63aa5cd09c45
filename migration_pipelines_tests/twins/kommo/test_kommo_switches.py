"""Each switch turned away from its default; the defaults are what the other tests run with."""

from dataclasses import fields
from pathlib import Path

import pytest

import migration_pipelines.twins.kommo as package
from migration_pipelines.twins.kommo.switches import Switches, switches_from, table

T0 = 1_577_836_800
NOW = 1_800_000_000
FIELD = {"name": "F", "type": "text", "code": "F"}


def with_value(value, code="F"):
    return {"custom_fields_values": [{"field_code": code, "values": value}]}


def test_the_readme_shows_the_switches_as_they_are():
    readme = (Path(package.__file__).parent / "README.md").read_text(encoding="utf-8")

    assert table() in readme


@pytest.mark.parametrize(
    "given", [{"speed": 1}, {"batch_failure": "some"}, {"minor_units": "maybe"}, {"array_ceiling": -1}]
)
def test_an_unknown_switch_or_value_is_refused_by_name(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        switches_from(given)


def test_switches_can_be_spelt_as_on_a_command_line():
    spelt = switches_from({"minor_units": "on", "array_ceiling": "50", "batch_failure": "partial"})

    assert (spelt.minor_units, spelt.array_ceiling, spelt.batch_failure) == (True, 50, "partial")


def test_array_ceiling_and_over_ceiling_applies(kommo_with):
    kommo = kommo_with(array_ceiling=1, over_ceiling_applies=True)

    assert kommo.post("leads", json=[{}, {}]).status_code == 504
    assert len(kommo.ids("leads")) == 2


def test_batch_failure_partial_applies_the_good_items_under_a_400(kommo_with, complaints_of):
    kommo = kommo_with(batch_failure="partial")

    answer = kommo.post("leads", json=[{"name": "good"}, {"price": "x"}])

    assert complaints_of(answer) == [("InvalidType", "price")]
    assert [lead["name"] for lead in kommo.snapshot()["leads"]] == ["good"]


def test_unknown_keys_refused(kommo_with, complaints_of):
    assert complaints_of(kommo_with(unknown_keys="refuse").post("leads", json=[{"colour": 1}])) == [
        ("NotExpected", "colour")
    ]


def test_unknown_user_told_in_detail_only(kommo_with):
    answer = kommo_with(unknown_user="detail").post("leads", json=[{"responsible_user_id": 1}])

    assert answer.status_code == 400
    assert set(answer.json()) == {"title", "type", "status", "detail"}


@pytest.mark.parametrize(("limit", "status"), [(0, 200), (4, 400)])
def test_name_text_and_textarea_lengths(kommo_with, limit, status):
    kommo = kommo_with(name_length=limit, text_length=limit, textarea_length=limit)
    kommo.post("leads/custom_fields", json=[FIELD, {"name": "A", "type": "textarea", "code": "A"}])

    long = [{"value": "x" * 5000}]
    for item in ({"name": "x" * 5000}, with_value(long), with_value(long, "A")):
        assert kommo.post("leads", json=[item]).status_code == status


def test_minor_units_keep_the_exact_price_beside_the_truncated_one(kommo_with):
    kommo = kommo_with(minor_units=True)

    lead = kommo.read(f"leads/{kommo.make('leads', {'price': 99999999.999})}")

    assert (lead["price"], lead["price_with_minor_units"]) == (99999999, 99999999.999)


@pytest.mark.parametrize(
    ("clearing", "value", "status"),
    [("both", None, 200), ("both", [], 200), ("null", [], 400), ("null", None, 200), ("empty", None, 400)],
)
def test_clearing_values(kommo_with, clearing, value, status):
    kommo = kommo_with(clearing_values=clearing, empty_custom_fields="empty")
    kommo.post("leads/custom_fields", json=[FIELD])
    lead = kommo.make("leads", with_value([{"value": "x"}]))

    assert kommo.patch(f"leads/{lead}", json=with_value(value)).status_code == status
    assert (kommo.read(f"leads/{lead}")["custom_fields_values"] == []) is (status == 200)


def test_default_multitext_enum(kommo_with):
    kommo = kommo_with(default_multitext_enum="OTHER")
    contact = kommo.make("contacts", with_value([{"value": "+1"}], "PHONE"))

    assert kommo.read(f"contacts/{contact}")["custom_fields_values"][0]["values"][0]["enum_code"] == "OTHER"


def test_updated_at_ignored(kommo_with):
    kommo = kommo_with(updated_at="ignored")
    kommo.clock(set=NOW)
    lead = kommo.make("leads", {"updated_at": T0})
    assert kommo.read(f"leads/{lead}")["updated_at"] == NOW

    kommo.patch(f"leads/{lead}", json={"updated_at": T0})
    assert kommo.read(f"leads/{lead}")["updated_at"] == NOW


def test_updated_at_refused_if_older(kommo_with):
    kommo = kommo_with(updated_at="refuse_older")
    lead = kommo.make("leads", {"updated_at": T0})

    answer = kommo.patch(f"leads/{lead}", json={"updated_at": T0})

    assert answer.json()["errors"] == {str(lead): "Last modified date is older than in database"}
    assert kommo.patch(f"leads/{lead}", json={"updated_at": T0 + 1}).status_code == 200


@pytest.mark.parametrize(("rule", "read"), [("ignored", None), ("kept", T0)])
def test_open_lead_closed_at(kommo_with, rule, read):
    kommo = kommo_with(open_lead_closed_at=rule)

    assert kommo.read(f"leads/{kommo.make('leads', {'closed_at': T0})}")["closed_at"] == read


def test_create_lost_leads_refused_but_closing_afterwards_works(kommo_with, complaints_of):
    kommo = kommo_with(create_lost_leads=False)

    assert complaints_of(kommo.post("leads", json=[{"status_id": 143}])) == [("NotSupportedChoice", "status_id")]
    assert kommo.patch(f"leads/{kommo.make('leads')}", json={"status_id": 143}).status_code == 200


def test_company_phone_email_absent(kommo_with):
    fields_of_companies = kommo_with(company_phone_email=False).read("companies/custom_fields")["_embedded"]

    assert {field["code"] for field in fields_of_companies["custom_fields"]} == {"WEB", "ADDRESS"}


@pytest.mark.parametrize("works", [False, True])
def test_contacts_filter_created_at(kommo_with, works):
    kommo = kommo_with(contacts_filter_created_at=works)
    made = kommo.make("contacts", {"created_at": T0}, {"created_at": T0 + 10})

    assert kommo.ids(f"contacts?filter[created_at][from]={T0 + 5}") == (made[1:] if works else made)


def test_custom_field_filter(kommo_with):
    kommo = kommo_with(custom_field_filter=True)
    told = [FIELD, {"name": "N", "type": "numeric", "code": "N"}]
    text, number = kommo.make("leads/custom_fields", *told)
    a, b = kommo.make("leads", with_value([{"value": "x"}]), with_value([{"value": 15}], "N"))

    assert kommo.ids(f"leads?filter[custom_fields_values][{text}]=x") == [a]
    assert kommo.ids(f"leads?filter[custom_fields_values][{number}][from]=10") == [b]
    assert kommo.read("account?with=is_api_filter_enabled")["is_api_filter_enabled"] is True


def test_query_delay_seconds(kommo_with):
    kommo = kommo_with(query_delay_seconds=30)
    kommo.clock(set=NOW)
    lead = kommo.make("leads", {"name": "needle"})

    assert kommo.ids("leads?query=needle") == []
    kommo.clock(advance=30)
    assert kommo.ids("leads?query=needle") == [lead]


def test_palette_only_off(kommo_with):
    kommo = kommo_with(palette_only=False)
    (pipeline,) = kommo.ids("leads/pipelines")

    told = [{"name": "a", "color": "#123456"}]
    assert kommo.post(f"leads/pipelines/{pipeline}/statuses", json=told).status_code == 200


def test_loss_reasons_endpoint_absent(kommo_with):
    kommo = kommo_with(loss_reasons_endpoint=False)

    assert kommo.get("leads/loss_reasons").status_code == 404
    assert kommo.read("account")["is_loss_reason_enabled"] is False


def test_delete_custom_fields_absent(kommo_with):
    kommo = kommo_with(delete_custom_fields=False)
    field = kommo.make("leads/custom_fields", FIELD)

    assert kommo.delete(f"leads/custom_fields/{field}").status_code == 405
    assert field in kommo.ids("leads/custom_fields")


@pytest.mark.parametrize(
    ("rule", "status", "kept"), [("refuse", 400, [0]), ("replace", 200, [1]), ("keep_both", 200, [0, 1])]
)
def test_contact_with_two_companies(kommo_with, rule, status, kept):
    kommo = kommo_with(contact_with_two_companies=rule)
    contact, companies = kommo.make("contacts"), kommo.make("companies", {}, {})
    links = [[{"to_entity_id": company, "to_entity_type": "companies"}] for company in companies]
    kommo.post(f"contacts/{contact}/link", json=links[0])

    assert kommo.post(f"contacts/{contact}/link", json=links[1]).status_code == status
    embedded = kommo.read(f"contacts/{contact}")["_embedded"]["companies"]
    assert [one["id"] for one in embedded] == [companies[index] for index in kept]


def test_contact_to_lead_links(kommo_with):
    kommo = kommo_with(contact_to_lead_links=True)
    contact, lead = kommo.make("contacts"), kommo.make("leads")

    answer = kommo.post(f"contacts/{contact}/link", json=[{"to_entity_id": lead, "to_entity_type": "leads"}])

    assert answer.status_code == 200
    assert kommo.read(f"leads/{lead}?with=contacts")["_embedded"]["contacts"][0]["id"] == contact


def test_links_move_updated_at_off(kommo_with):
    kommo = kommo_with(links_move_updated_at=False)
    lead, contact = kommo.make("leads", {"updated_at": T0}), kommo.make("contacts")

    kommo.post(f"leads/{lead}/link", json=[{"to_entity_id": contact, "to_entity_type": "contacts"}])

    assert kommo.read(f"leads/{lead}")["updated_at"] == T0


@pytest.mark.parametrize("works", [False, True])
def test_mass_link(kommo_with, works):
    kommo = kommo_with(mass_link=works)
    lead, contact = kommo.make("leads"), kommo.make("contacts")
    told = [{"entity_id": lead, "to_entity_id": contact, "to_entity_type": "contacts"}]

    assert kommo.post("leads/link", json=told).status_code == (200 if works else 404)
    assert kommo.get(f"leads/links?filter[entity_id]={lead}").status_code == (200 if works else 404)
    assert kommo.post("leads/unlink", json=told).status_code == (204 if works else 404)


def test_every_switch_is_turned_somewhere():
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    untested = {one.name for one in fields(Switches)} - {
        one.name for one in fields(Switches) if f"{one.name}=" in tests
    }

    assert untested <= {"block_window_seconds"}

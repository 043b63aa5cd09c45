"""The account, its users, its pipelines and loss reasons."""

import pytest

WON, LOST = 142, 143
PIPELINE = {"name": "B", "sort": 2, "is_main": False, "is_unsorted_on": True}


def stages(kommo, pipeline):
    return kommo.read(f"leads/pipelines/{pipeline}")["_embedded"]["statuses"]


def test_the_account_shows_more_only_when_with_asks_for_it(kommo):
    plain = kommo.read("account")
    assert (plain["name"], plain["currency"], plain["_embedded"]) == ("Acme", "USD", {})
    assert not {"datetime_settings", "drive_url", "version", "timezone"} & set(plain)

    full = kommo.read("account?with=datetime_settings,drive_url,task_types,users_groups,version")

    assert full["datetime_settings"]["timezone"] == "Europe/Istanbul"
    assert full["datetime_settings"]["timezone_offset"] == "+03:00"
    assert full["drive_url"] == str(kommo.base_url).rstrip("/")
    assert [one["id"] for one in full["_embedded"]["task_types"]] == [1, 2]
    assert full["_embedded"]["users_groups"] == [{"id": 0, "name": "Sales", "uuid": None}]


def test_users_are_listed_with_totals_and_shown_one_by_one(kommo):
    body = kommo.read("users?limit=2")
    ids = [user["id"] for user in body["_embedded"]["users"]]

    assert (body["_total_items"], body["_page"], body["_page_count"], len(ids)) == (3, 1, 2, 2)
    user = kommo.read(f"users/{ids[0]}?with=group")
    assert user["rights"]["is_admin"] is True
    assert user["rights"]["leads"]["view"] == "A"
    assert user["_embedded"]["groups"] == [{"id": 0, "name": "Sales"}]
    assert kommo.get("users/1").status_code == 404


def test_webhooks_are_listed_and_an_account_without_any_answers_204(kommo, kommo_with):
    assert kommo.get("webhooks").status_code == 204

    hooked = kommo_with(seed={"webhooks": [{"destination": "https://a.example", "settings": ["add_lead"]}]})

    (hook,) = hooked.read("webhooks")["_embedded"]["webhooks"]
    assert (hook["destination"], hook["settings"], hook["disabled"]) == ("https://a.example", ["add_lead"], False)


def test_every_pipeline_has_an_incoming_stage_of_its_own_and_shares_won_and_lost(kommo):
    (first,) = kommo.ids("leads/pipelines")
    second = kommo.make("leads/pipelines", PIPELINE)

    incoming = [
        next(stage["id"] for stage in stages(kommo, pipeline) if stage["type"] == 1) for pipeline in (first, second)
    ]

    assert incoming[0] != incoming[1]
    for pipeline in (first, second):
        assert [stage["id"] for stage in stages(kommo, pipeline)[-2:]] == [WON, LOST]


def test_a_new_pipeline_is_answered_with_its_system_stages_and_renames_them(kommo):
    told = [{"name": "First", "sort": 100}, {"name": "Second", "sort": 200}, {"id": WON, "name": "Signed"}]

    body = kommo.post("leads/pipelines", json=[PIPELINE | {"_embedded": {"statuses": told}}]).json()

    shown = [(stage["name"], stage["sort"]) for stage in body["_embedded"]["pipelines"][0]["_embedded"]["statuses"]]
    assert [sort for _, sort in shown] == [10, 20, 30, 10000, 11000]
    assert [name for name, _ in shown[1:4]] == ["First", "Second", "Signed"]


@pytest.mark.parametrize("key", ["name", "sort", "is_main", "is_unsorted_on"])
def test_a_pipeline_needs_its_four_keys(kommo, complaints_of, key):
    answer = kommo.post("leads/pipelines", json=[{name: value for name, value in PIPELINE.items() if name != key}])

    assert complaints_of(answer) == [("FieldMissing", key)]


def test_there_is_one_main_pipeline(kommo):
    (first,) = kommo.ids("leads/pipelines")
    second = kommo.make("leads/pipelines", PIPELINE | {"is_main": True})

    assert kommo.read(f"leads/pipelines/{first}")["is_main"] is False
    kommo.patch(f"leads/pipelines/{first}", json={"is_main": True})
    assert kommo.read(f"leads/pipelines/{second}")["is_main"] is False


def test_the_main_pipeline_stays_main_until_another_takes_its_place(kommo):
    (first,) = kommo.ids("leads/pipelines")

    assert kommo.patch(f"leads/pipelines/{first}", json={"is_main": False}).json()["is_main"] is True
    assert kommo.post("leads", json=[{}]).status_code == 200


def test_an_account_has_50_pipelines_and_a_pipeline_100_stages_at_most(kommo):
    (first,) = kommo.ids("leads/pipelines")
    kommo.make("leads/pipelines", *[PIPELINE] * 49)
    assert kommo.post("leads/pipelines", json=[PIPELINE]).status_code == 400

    room = 100 - len(stages(kommo, first))
    assert kommo.post(f"leads/pipelines/{first}/statuses", json=[{"name": "x"}] * (room + 1)).status_code == 400
    assert kommo.post(f"leads/pipelines/{first}/statuses", json=[{"name": "x"}] * room).status_code == 200


def test_added_stages_are_renumbered_behind_the_present_ones(kommo):
    """100 and 200 come back as 60 and 70 where four stages and the incoming one were there."""
    (pipeline,) = kommo.ids("leads/pipelines")

    told = [{"name": "a", "sort": 100}, {"name": "b", "sort": 200}]
    body = kommo.post(f"leads/pipelines/{pipeline}/statuses", json=told).json()

    assert [stage["sort"] for stage in body["_embedded"]["statuses"]] == [60, 70]


def test_a_stage_is_shown_renamed_and_coloured_from_the_palette(kommo, complaints_of):
    (pipeline,) = kommo.ids("leads/pipelines")
    stage = stages(kommo, pipeline)[1]["id"]
    path = f"leads/pipelines/{pipeline}/statuses"

    assert kommo.patch(f"{path}/{stage}", json={"name": "New", "color": "#d6eaff"}).json()["color"] == "#d6eaff"
    assert kommo.read(f"{path}/{stage}")["name"] == "New"
    assert complaints_of(kommo.patch(f"{path}/{stage}", json={"color": "#123456"})) == [("NotSupportedChoice", "color")]
    assert kommo.patch(f"{path}/{WON}", json={"name": "Signed"}).json()["name"] == "Signed"
    assert kommo.get(f"{path}/1").status_code == 404


def test_a_deleted_stages_leads_move_to_the_first_stage(kommo):
    (pipeline,) = kommo.ids("leads/pipelines")
    _, first, second, *_ = (stage["id"] for stage in stages(kommo, pipeline))
    lead = kommo.make("leads", {"status_id": second})

    assert kommo.delete(f"leads/pipelines/{pipeline}/statuses/{second}").status_code == 204
    assert kommo.read(f"leads/{lead}")["status_id"] == first
    assert kommo.delete(f"leads/pipelines/{pipeline}/statuses/{WON}").status_code == 400


def test_a_pipeline_goes_only_without_leads_and_never_the_last_one(kommo):
    (first,) = kommo.ids("leads/pipelines")
    second = kommo.make("leads/pipelines", PIPELINE)
    lead = kommo.make("leads", {"pipeline_id": second})

    assert kommo.delete(f"leads/pipelines/{second}").status_code == 400
    kommo.post("/__twin__/remove", json={"entity": "leads", "id": lead})
    gone = kommo.delete(f"leads/pipelines/{second}")
    assert (gone.status_code, gone.json()) == (200, {})
    assert kommo.delete(f"leads/pipelines/{first}").status_code == 400


def test_loss_reasons_are_made_listed_changed_and_deleted(kommo):
    made = kommo.make("leads/loss_reasons", {"name": "No budget"})

    assert made in kommo.ids("leads/loss_reasons")
    assert kommo.patch(f"leads/loss_reasons/{made}", json={"name": "Later"}).json()["name"] == "Later"
    assert set(kommo.read(f"leads/loss_reasons/{made}")) == {"id", "name", "sort", "created_at", "updated_at", "_links"}
    assert kommo.delete(f"leads/loss_reasons/{made}").status_code == 204
    assert kommo.get(f"leads/loss_reasons/{made}").status_code == 404

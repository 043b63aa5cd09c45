"""Switches of pace, paging, plans and absent methods: each turned away from its default."""

import httpx
import pytest

NOW = 1_800_000_000


def second_client(kommo, token="twin-token"):  # noqa: S107
    return httpx.Client(base_url=f"{kommo.base_url}/api/v4/", headers={"Authorization": f"Bearer {token}"})


def test_a_second_client_counts_into_the_same_seven(kommo_with):
    kommo = kommo_with(requests_per_second=7)
    kommo.clock(set=NOW)
    with second_client(kommo) as other:
        statuses = [client.get("account").status_code for client in (kommo, other) * 4]

    assert statuses == [200] * 7 + [429]


def test_pace_of_token_gives_each_token_its_own_seven_under_a_common_ceiling(kommo_with):
    kommo = kommo_with(requests_per_second=3, pace_of="token", requests_per_second_of_all=5)
    kommo.clock(set=NOW)
    code = {"grant_type": "authorization_code", "code": kommo.post("/__twin__/code").json()["code"]}
    client = {"client_id": "twin-client", "client_secret": "twin-secret", "redirect_uri": "https://example.com/back"}
    token = kommo.post("/oauth2/access_token", json=client | code, headers={"Authorization": ""}).json()
    kommo.clock(advance=10)

    with second_client(kommo, token["access_token"]) as other:
        mine = [kommo.get("account").status_code for _ in range(4)]
        theirs = [other.get("account").status_code for _ in range(3)]

    assert mine == [200, 200, 200, 429]
    assert theirs == [200, 200, 429]


def test_the_token_endpoint_is_blocked_with_the_rest(kommo_with):
    kommo = kommo_with(requests_per_second=1, block_after=1)
    kommo.clock(set=NOW)
    assert [kommo.get("account").status_code for _ in range(3)] == [200, 429, 403]

    blocked = kommo.post("/oauth2/access_token", json={})

    assert (blocked.status_code, blocked.headers["content-type"]) == (403, "text/html; charset=utf-8")


def test_retry_after_seconds(kommo_with):
    kommo = kommo_with(requests_per_second=1, retry_after_seconds=300)
    kommo.clock(set=NOW)
    kommo.get("account")

    assert kommo.get("account").headers["retry-after"] == "300"


@pytest.mark.parametrize(("over_limit", "shown"), [("default", 20), ("largest", 60)])
def test_default_limit_and_over_limit(kommo_with, over_limit, shown):
    kommo = kommo_with(default_limit=20, over_limit=over_limit)
    kommo.make("leads", *[{}] * 60)

    assert len(kommo.ids("leads")) == 20
    assert len(kommo.ids("leads?limit=251")) == shown


def test_repeated_page_item(kommo_with):
    kommo = kommo_with(repeated_page_item=True)
    made = kommo.make("leads", *[{}] * 5)

    assert kommo.ids("leads?limit=2") == made[:2]
    assert kommo.ids("leads?limit=2&page=2") == made[1:4]
    assert kommo.ids("leads?limit=2&page=3") == made[3:]


@pytest.mark.parametrize(("plan", "ceiling"), [("base", 2_500), ("advanced", 5_000)])
def test_a_plan_ends_at_its_leads_per_seat(kommo_with, plan, ceiling):
    kommo = kommo_with(plan=plan)
    for _ in range(ceiling // 250):
        kommo.make("leads", *[{}] * 250)

    refused = kommo.post("leads", json=[{}])

    assert (refused.status_code, refused.headers["content-type"]) == (402, "application/problem+json")
    assert kommo.post("contacts", json=[{}]).status_code == 200
    assert kommo.post("leads/complex", json=[{}]).status_code == 402


def test_seats_multiply_the_ceiling_and_over_plan_names_the_status(kommo_with):
    kommo = kommo_with(plan="base", seats=2, over_plan="403", array_ceiling=5_001)

    assert kommo.post("leads", json=[{}] * 5_001).status_code == 403
    assert kommo.post("leads", json=[{}] * 5_000).status_code == 200


def test_contacts_and_companies_share_a_ceiling(kommo_with):
    kommo = kommo_with(plan="base", array_ceiling=20_000)

    assert kommo.post("contacts", json=[{}] * 12_000).status_code == 200
    assert kommo.post("companies", json=[{}] * 501).status_code == 402
    assert kommo.post("companies", json=[{}] * 500).status_code == 200


def test_field_ceiling(kommo_with):
    kommo = kommo_with(field_ceiling=4)
    field = {"name": "F", "type": "text"}

    assert kommo.post("leads/custom_fields", json=[field]).status_code == 201  # three are preset
    assert kommo.post("leads/custom_fields", json=[field]).status_code == 402


@pytest.mark.parametrize(("delete_status", "title"), [("404", "Not Found"), ("403", "Forbidden")])
def test_delete_status(kommo_with, delete_status, title):
    kommo = kommo_with(delete_status=delete_status)

    answer = kommo.delete(f"leads/{kommo.make('leads')}")

    assert (answer.status_code, answer.json()["title"]) == (int(delete_status), title)
    assert kommo.put("leads", json=[]).status_code == 405


@pytest.mark.parametrize("tag_filter", [False, True])
def test_tag_filter(kommo_with, tag_filter):
    kommo = kommo_with(tag_filter=tag_filter)
    tagged, plain = kommo.make("leads", {"tags_to_add": [{"name": "run"}]}, {})
    (tag,) = kommo.ids("leads/tags")

    assert kommo.ids(f"leads?filter[tags][]={tag}") == ([tagged] if tag_filter else [tagged, plain])


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies", "tasks"])
def test_if_modified_since_shows_what_changed_after_and_else_304(kommo, entity):
    item = {"text": "t", "complete_till": 1} if entity == "tasks" else {}
    old, new = kommo.make(entity, item | {"updated_at": NOW}, item | {"updated_at": NOW + 60})

    def since(moment):
        return kommo.get(entity, headers={"If-Modified-Since": moment})

    assert [one["id"] for one in since("Fri, 15 Jan 2027 08:00:00 GMT").json()["_embedded"][entity]] == [new]
    assert since("Fri, 15 Jan 2027 08:01:00 GMT").status_code == 304
    assert len(since("yesterday").json()["_embedded"][entity]) == len([old, new])


@pytest.mark.parametrize("path", ["contacts", "tasks", "leads/notes", "leads/tags", "leads/link", "catalogs", "calls"])
def test_every_array_has_the_ceiling(kommo_with, path):
    kommo = kommo_with(array_ceiling=2, mass_link=True)

    assert kommo.post(path, json=[{}] * 3).status_code == 504
    assert kommo.post(path, json=[{}] * 2).status_code != 504

"""What holds for every endpoint: tokens, content types, paging, 204, array and object bodies, pace, sizes."""

import re

import httpx
import pytest

from migration_pipelines.twins.kommo.routes import every_route


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dHdpbi10b2tlbg=="}])
def test_without_a_long_lived_bearer_token_everything_is_401(kommo, header):
    answer = httpx.get(f"{kommo.base_url}/api/v4/account", headers=header)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Unauthorized",
        "type": "https://httpstatus.es/401",
        "status": 401,
        "detail": "Invalid user name or password",
    }


def test_success_is_hal_json_and_an_unknown_route_is_a_404_problem(kommo):
    assert kommo.get("account").headers["content-type"] == "application/hal+json"
    missing = kommo.get("nowhere")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_an_empty_list_and_an_unknown_id_are_204_with_an_empty_body(kommo, entity):
    for path in (entity, f"{entity}/999", f"{entity}?filter[id]=1"):
        answer = kommo.get(path)
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_records_cannot_be_deleted_over_the_api(kommo, entity):
    record = kommo.make(entity)

    assert kommo.delete(f"{entity}/{record}").status_code == 405
    assert kommo.delete(entity).status_code == 405
    assert kommo.ids(entity) == [record]


@pytest.mark.parametrize("entity", ["leads", "contacts", "companies"])
def test_a_collection_takes_an_array_and_a_record_takes_an_object(kommo, entity):
    record = kommo.make(entity)

    assert kommo.post(entity, json={"name": "a"}).status_code == 400
    assert kommo.patch(entity, json={"id": record, "name": "a"}).status_code == 400
    assert kommo.patch(f"{entity}/{record}", json=[{"name": "a"}]).status_code == 400
    assert kommo.post(entity, content="{").status_code == 400


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"tags_to_add": {"name": "x"}}, "tags_to_add"),
        ({"tags_to_add": [{"name": ["x"]}]}, "tags_to_add.0.name"),
        ({"tags_to_add": [[]]}, "tags_to_add.0"),
        ({"_embedded": "x"}, "_embedded"),
        ({"_embedded": {"source": "x"}}, "_embedded.source"),
        ({"_embedded": {"contacts": [7]}}, "_embedded.contacts.0"),
        ({"price": 10**25}, "price"),
    ],
)
def test_a_value_of_the_wrong_json_type_is_a_400_and_never_a_500(kommo, complaints_of, item, path):
    assert complaints_of(kommo.post("leads", json=[item])) == [("InvalidType", path)]


ILL_SHAPED = (
    *(None, 7, "x", [], {}, [7], [None], [{}]),
    *([{"id": "x", "name": 7, "text": [], "params": [], "_embedded": 7, "metadata": 7, "entity_id": "x"}], {"id": []}),
    {"destination": [], "settings": 7, "name": [], "link": 7, "user_id": [], "file_name": [], "file_size": "x"},
    [{"entity_id": 10**30, "to_entity_id": [], "phone": [], "direction": {}, "uuid": [], "file_uuid": {}, "rights": 7}],
)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_no_body_that_a_client_could_send_is_a_500(kommo, method):
    kommo.patch("customers/mode", json={"is_enabled": True, "mode": "segments"})
    kommo.make("customers", {"name": "a"})
    paths = {re.sub(r"{[^}]*}", "7", path) for known, path, _ in every_route() if known == method}
    assert paths

    statuses = {
        (path, index): kommo.request(method, path, json=body).status_code
        for path in sorted(paths)
        for index, body in enumerate(ILL_SHAPED)
    }

    assert {asked: status for asked, status in statuses.items() if status >= 500} == {}


def test_an_id_that_no_number_holds_is_not_found(kommo):
    for path in (f"leads/{10**25}", f"leads/loss_reasons/{10**25}", f"leads/pipelines/{10**25}/statuses"):
        assert kommo.get(path).status_code == 404
    assert kommo.get(f"leads?filter[id]={10**25}").status_code == 400


def test_an_empty_object_may_be_written_as_php_writes_it(kommo):
    assert kommo.post("leads", json=[{"_embedded": [], "tags_to_add": None}]).status_code == 200


def test_links_are_absolute_on_the_host_that_was_asked(kommo):
    kommo.make("leads")

    body = kommo.get("leads", headers={"Host": "acme.kommo.example"}).json()

    assert body["_links"]["self"]["href"].startswith("http://acme.kommo.example/api/v4/leads")
    assert body["_embedded"]["leads"][0]["_links"]["self"]["href"].startswith("http://acme.kommo.example/api/v4/leads/")


def test_next_is_there_only_while_there_is_a_next_page(kommo):
    made = kommo.make("leads", *[{}] * 5)
    found, path = [], "leads?limit=2&order[id]=asc"
    while path:
        body = kommo.read(path)
        found += [lead["id"] for lead in body["_embedded"]["leads"]]
        path = body["_links"].get("next", {}).get("href")

    assert found == made


@pytest.mark.parametrize(("limit", "shown"), [("", 50), ("?limit=60", 60), ("?limit=250", 60), ("?limit=251", 50)])
def test_a_page_holds_250_at_most_and_asking_for_more_falls_back_to_50(kommo, limit, shown):
    kommo.make("companies", *[{}] * 60)

    assert len(kommo.ids(f"companies{limit}")) == shown


@pytest.mark.parametrize("method", ["post", "patch"])
def test_request_ids_are_echoed_and_default_to_the_index(kommo, method):
    items = [{"name": "a", "request_id": "x"}, {"name": "b"}]
    if method == "patch":
        items = [item | {"id": record} for item, record in zip(items, kommo.make("leads", {}, {}), strict=True)]

    body = getattr(kommo, method)("leads", json=items).json()

    assert [item["request_id"] for item in body["_embedded"]["leads"]] == ["x", "1"]
    assert "request_id" not in kommo.read(f"leads/{body['_embedded']['leads'][0]['id']}")


def test_more_than_250_items_are_504_and_nothing_is_applied(kommo):
    answer = kommo.post("leads", json=[{}] * 251)

    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html; charset=utf-8")
    assert kommo.ids("leads") == []
    assert len(kommo.make("leads", *[{}] * 250)) == 250


def test_an_eighth_request_in_a_second_is_an_html_429_without_retry_after(kommo_with):
    kommo = kommo_with(requests_per_second=7)
    kommo.clock(set=1_800_000_000)
    assert {kommo.get("account").status_code for _ in range(7)} == {200}

    answer = kommo.get("account")

    assert answer.status_code == 429
    assert answer.headers["content-type"].startswith("text/html")
    assert "retry-after" not in answer.headers
    kommo.clock(advance=1)
    assert kommo.get("account").status_code == 200


def test_seven_evenly_spaced_requests_a_second_are_never_refused(kommo_with):
    """A client that paces itself at 7 a second was refused for a millisecond of the network's."""
    kommo = kommo_with(requests_per_second=7)
    kommo.clock(set=1_800_000_000.01)
    statuses = set()
    for _ in range(30):
        statuses.add(kommo.get("account").status_code)
        kommo.clock(advance=1 / 7 - 0.001)

    assert statuses == {200}


def test_repeated_violations_block_everything_with_an_html_403_until_support_lifts_it(kommo_with):
    kommo = kommo_with(requests_per_second=1, block_after=3)
    kommo.clock(set=1_800_000_000)
    for expected in (200, 429, 429, 429, 403):
        assert kommo.get("account").status_code == expected

    kommo.clock(advance=3600)
    blocked = kommo.get("account")
    assert (blocked.status_code, blocked.headers["content-type"]) == (403, "text/html; charset=utf-8")
    kommo.post("/__twin__/unblock")
    assert kommo.get("account").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "media"), [("504", 504, "text/html"), ("expired_token", 401, "application")]
)
def test_planned_faults_are_worded_as_kommo_words_them(kommo, kind, status, media):
    kommo.post("/__twin__/faults", json={"kind": kind, "endpoint": "POST /api/v4/leads"})

    answer = kommo.post("leads", json=[{}])

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(media)
    assert kommo.ids("leads") == []


def test_a_cut_after_applying_leaves_a_record_that_nobody_was_told_of(kommo):
    kommo.post("/__twin__/faults", json={"kind": "cut_after", "endpoint": "POST /api/v4/leads"})

    with pytest.raises(httpx.TransportError):
        kommo.post("leads", json=[{"name": "lost answer"}])

    assert [lead["name"] for lead in kommo.snapshot()["leads"]] == ["lost answer"]

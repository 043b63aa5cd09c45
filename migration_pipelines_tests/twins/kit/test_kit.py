"""The kit over real HTTP, around a vendor of two routes: it counts what was posted, and says how many."""

from collections.abc import Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from migration_pipelines.twins.kit.app import FAULT, TwinApp, twin_app
from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.kit.faults import FaultPlan
from migration_pipelines.twins.kit.serial import Call, Serial
from migration_pipelines.twins.kit.serve import serve, serve_in_thread
from migration_pipelines.twins.kit.statistics import Statistics


def counting_twin(database: str = ":memory:") -> TwinApp:
    serial = Serial(database)
    sql = serial.connection.execute
    sql("CREATE TABLE IF NOT EXISTS thing (name TEXT)")

    def post(call: Call) -> Response:
        sql("INSERT INTO thing VALUES (?)", (call.body.decode(),))
        if call.body == b"explode":
            raise RuntimeError("a bug in the twin")
        if call.body == b"stop":
            next(iter(()))
        fault = call.request.scope.get(FAULT)
        return JSONResponse({"posted": call.body.decode(), "fault": fault.kind if fault else None})

    def get(call: Call) -> Response:
        return JSONResponse({"id": call.request.path_params["id"]})

    def render_fault(kind: str, _: Request) -> Response | None:
        statuses = {"expired_token": 401, "not_found": 404, "method_not_allowed": 405}
        if kind == "locked_row":
            return None
        return PlainTextResponse(f"vendor says {kind}", statuses.get(kind) or int(kind))

    return twin_app(
        name="counting",
        routes=[
            Route("/things", serial.endpoint(post), methods=["POST"]),
            Route("/things/{id:int}", serial.endpoint(get), methods=["GET"]),
        ],
        clock=Clock(),
        statistics=Statistics(),
        faults=FaultPlan(),
        serial=serial,
        reset=lambda: sql("DELETE FROM thing") and None,
        snapshot=lambda: {"things": [row["name"] for row in sql("SELECT name FROM thing")]},
        render_fault=render_fault,
    )


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with serve_in_thread(counting_twin()) as twin, httpx.Client(base_url=twin.url) as client:
        yield client


def things(client: httpx.Client) -> list[str]:
    names: list[str] = client.get("/__twin__/snapshot").json()["things"]
    return names


def plan(client: httpx.Client, **fault: object) -> None:
    assert client.post("/__twin__/faults", json=fault).status_code == 201


def test_a_cut_before_applies_nothing_and_answers_no_byte(client):
    plan(client, kind="cut_before", endpoint="POST /things")

    with pytest.raises(httpx.TransportError):
        client.post("/things", content="a")

    assert things(client) == []


def test_a_cut_after_applies_everything_and_answers_no_byte(client):
    plan(client, kind="cut_after", endpoint="POST /things")

    with pytest.raises(httpx.TransportError):
        client.post("/things", content="a")

    assert things(client) == ["a"]


def test_a_cut_spares_the_connections_of_others(client):
    plan(client, kind="cut_before", endpoint="POST /things")
    with httpx.Client(base_url=client.base_url) as other:
        assert other.get("/things/1").status_code == 200
        with pytest.raises(httpx.TransportError):
            client.post("/things", content="a")
        assert other.get("/things/1").status_code == 200


def test_a_truncated_answer_promised_more_than_it_brings(client):
    plan(client, kind="truncated")

    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        client.post("/things", content="a")

    assert things(client) == ["a"]


def test_a_504_after_apply_is_the_vendors_504_over_an_applied_request(client):
    plan(client, kind="504_after_apply")

    answer = client.post("/things", content="a")

    assert (answer.status_code, answer.text, things(client)) == (504, "vendor says 504", ["a"])


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("503", 503), ("expired_token", 401)])
def test_a_refusing_fault_is_worded_by_the_vendor_and_applies_nothing(client, kind, status):
    plan(client, kind=kind)

    answer = client.post("/things", content="a")

    assert (answer.status_code, answer.text, things(client)) == (status, f"vendor says {kind}", [])


def test_a_fault_that_the_vendor_does_not_render_is_left_to_the_handler(client):
    plan(client, kind="locked_row")

    assert client.post("/things", content="a").json() == {"posted": "a", "fault": "locked_row"}


def test_a_slow_answer_comes_late_and_whole(client):
    plan(client, kind="slow", seconds=0.2)

    answer = client.post("/things", content="a")

    assert answer.elapsed.total_seconds() >= 0.2
    assert answer.json()["posted"] == "a"


def test_a_fault_is_addressed_by_endpoint_ordinal_and_times(client):
    plan(client, kind="503", endpoint="POST /thing*", ordinal=2, times=2)

    client.get("/things/1")
    statuses = [client.post("/things", content="a").status_code for _ in range(4)]

    assert statuses == [200, 503, 503, 200]


def test_cleared_faults_do_not_happen(client):
    plan(client, kind="503")
    client.delete("/__twin__/faults")

    assert client.post("/things", content="a").status_code == 200
    assert client.get("/__twin__/faults").json() == []


@pytest.mark.parametrize("fault", [{"kind": "flood"}, {"kind": "503", "when": 1}, {"kind": "503", "ordinal": 0}])
def test_a_fault_that_cannot_be_is_refused_with_the_reason(client, fault):
    answer = client.post("/__twin__/faults", json=fault)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_statistics_count_by_template_and_status_and_leave_out_the_control_requests(client):
    client.post("/things", content="a")
    client.get("/things/1")
    client.get("/things/2")
    client.get("/elsewhere")
    plan(client, kind="cut_before")
    with pytest.raises(httpx.TransportError):
        client.get("/things/3")

    told = client.get("/__twin__/statistics").json()

    assert told["requests"] == 5
    assert told["by_endpoint"]["POST /things"] == 1
    assert told["by_endpoint"]["GET /things/{id}"] == 2
    assert told["by_status"] == {"0": 1, "200": 3, "404": 1}
    assert told["refusals"] == 1
    assert [logged["status"] for logged in told["log"]] == [200, 200, 200, 404, 0]


def test_the_highest_rate_is_taken_over_a_sliding_second():
    statistics = Statistics()
    for at in (0.0, 0.6, 0.9, 1.1, 1.5, 3.0):
        statistics.record("GET", "/", 200, at)

    assert statistics.as_dict()["highest_per_second"] == 4


def test_the_clock_can_be_frozen_moved_and_brought_back(client):
    def clock(**move: object) -> float:
        now: float = client.post("/__twin__/clock", json=move).json()["now"]
        return now

    assert clock(set=1000) == 1000
    assert clock(advance=60) == 1060
    assert client.get("/__twin__/clock").json()["is_frozen"] is True
    assert clock(real=True) > 1_700_000_000


def test_answers_bear_the_date_of_the_clock(client):
    client.post("/__twin__/clock", json={"set": 1_000_000_000})

    assert client.get("/things/1").headers.get_list("Date") == ["Sun, 09 Sep 2001 01:46:40 GMT"]


def test_reset_brings_back_state_faults_statistics_and_clock(client):
    client.post("/things", content="a")
    client.post("/__twin__/clock", json={"set": 1000})
    plan(client, kind="503")

    client.post("/__twin__/reset")

    assert things(client) == []
    assert client.get("/__twin__/statistics").json()["requests"] == 0
    assert client.get("/__twin__/clock").json()["is_frozen"] is False
    assert client.post("/things", content="b").status_code == 200


def test_a_web_page_elsewhere_cannot_steer_the_twin(client):
    assert client.get("/__twin__/snapshot", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/things/1", headers={"Host": "acme.example"}).status_code == 200


def test_unrouted_requests_get_the_vendors_answer(client):
    assert client.get("/nowhere").text == "vendor says not_found"
    assert client.delete("/things").text == "vendor says method_not_allowed"


@pytest.mark.parametrize("bug", ["explode", "stop"])
def test_what_a_failing_handler_wrote_is_undone(client, bug):
    """A StopIteration once left the client waiting for ever: a future cannot carry it."""
    assert client.post("/things", content=bug).status_code == 500
    assert things(client) == []


def test_data_in_a_file_survives_a_restart(tmp_path):
    for expected in (["a"], ["a", "a"]):
        with serve_in_thread(counting_twin(str(tmp_path / "twin.sqlite"))) as twin:
            httpx.post(f"{twin.url}/things", content="a")
            assert httpx.get(f"{twin.url}/__twin__/snapshot").json()["things"] == expected


def test_only_loopback_addresses_are_bound_unless_told_otherwise():
    with pytest.raises(ValueError, match="not a loopback address"):
        serve(counting_twin(), "0.0.0.0", 0)  # noqa: S104

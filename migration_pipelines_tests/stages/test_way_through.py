"""The way through, once and again: discover, extract, plan, load, verify, against real twins and a real ledger."""

from __future__ import annotations

import httpx
import pytest

from migration_pipelines import stages
from migration_pipelines.demo import history
from migration_pipelines.demo.ids import version_id
from migration_pipelines.errors import MappingError
from migration_pipelines_tests.test_cli_bad_input import Run, run
from migration_pipelines_tests.world import TOKEN, World, firm

__all__ = ["run"]


def test_a_small_company_arrives_and_every_claim_holds(world: World) -> None:
    """COMMON-04, COMMON-30, SF-KOMMO-51, SF-KOMMO-52, SF-KOMMO-54, SF-KOMMO-60."""
    world.prepare()
    world.apply()

    assert world.broken_claims() == {}
    snapshot = world.snapshot()
    assert (len(snapshot["companies"]), len(snapshot["contacts"]), len(snapshot["leads"])) == (5, 10, 3)
    # Of twelve activities one is about nobody and one about a held deal; of four notes one is private.
    assert (len(snapshot["tasks"]), len(snapshot["notes"]), len(snapshot["files"])) == (7, 3 + 3, 3)


def test_every_file_arrives_byte_for_byte(world: World) -> None:
    """SF-KOMMO-06, SF-KOMMO-32."""
    world.prepare()
    world.apply()
    url, token = world.environ["DEMO_KOMMO_URL"], {"Authorization": f"Bearer {TOKEN}"}

    arrived = {}
    for file in httpx.get(f"{url}/v1.0/files", headers=token).json()["_embedded"]["files"]:
        arrived[file["name"]] = httpx.get(file["_links"]["download"]["href"], headers=token).content

    papers = history.build(firm()).papers
    assert len(arrived) == len(papers) == 3
    for paper in papers:
        stem, dot, extension = paper.name.rpartition(".")
        marked = f"{stem or extension} [SF:{version_id(paper)}]" + (f".{extension}" if dot else "")
        assert arrived[marked] == paper.body


def test_a_second_extraction_fetches_no_body_again(world: World, small_source: str) -> None:
    def fetched() -> int:
        counts = httpx.get(f"{small_source}/__twin__/statistics").json()["by_endpoint"]
        return sum(
            n for name, n in counts.items() if name.endswith("/{object}/{field}/{value}")
        )  # the twin's name of it

    with world.partition() as partition:
        stages.discover(partition)
        before = fetched()
        stages.extract(partition, "ContentVersion")
        once = fetched()
        stages.extract(partition, "ContentVersion")

    # The latest version of each of three files; the fourth is an older one.
    assert (once - before, fetched() - once) == (3, 0)


@pytest.mark.parametrize("endpoint", ["POST /v1.0/sessions", "POST /api/v4/tasks", "POST /api/v4/leads/notes"])
def test_a_lost_answer_makes_no_double_of_the_history(world: World, endpoint: str) -> None:
    world.prepare()
    world.set_fault("cut_after", endpoint=endpoint)

    world.apply()

    snapshot = world.snapshot()
    assert world.broken_claims() == {}
    assert (len(snapshot["tasks"]), len(snapshot["notes"]), len(snapshot["files"])) == (7, 6, 3)


@pytest.mark.filterwarnings("ignore:::dagster")
def test_a_second_apply_writes_nothing_and_says_so(world: World, run: Run) -> None:
    world.prepare()
    world.apply()
    before = world.snapshot()
    world.forget_requests()

    said = run("apply", world.key)

    # 5 companies, 10 people, 3 deals, 8 tasks and calls, 2 meetings, 3 notes, 3 files and their 5 links to cards.
    assert "\nNothing to write: 39 records stand as the plan means them.\n" in said.out
    assert [one for one in world.requests() if one["method"] != "GET"] == []
    assert world.snapshot() == before


def test_a_new_plan_over_the_same_data_writes_nothing(world: World) -> None:
    world.prepare()
    world.apply()
    world.forget_requests()

    world.prepare()
    world.apply()

    assert [one for one in world.requests() if one["method"] != "GET"] == []


def test_the_lifecycle_ends_at_verified(world: World) -> None:
    world.prepare()
    world.apply()

    with world.partition() as partition:
        assert partition.step == "verified"
        assert stages.status(partition)["step"] == "verified"


def test_a_record_that_another_route_of_its_object_takes_is_not_left_out(world: World) -> None:
    """Of ten tasks three are calls that were made: they are notes, and nobody is told that they stay behind."""
    world.prepare()

    with world.partition() as partition:
        plan = partition.ledger.plans.current()
    assert plan
    found = {(row["route"], row["planned"]): row["rows"] for row in plan["summary"]["routes"]}
    activities = {key: rows for key, rows in found.items() if key[0].startswith("activities/")}
    assert activities == {
        ("activities/Task>tasks", "planned"): 5,
        ("activities/Task>tasks", "held"): 2,
        ("activities/Task>notes", "planned"): 3,
        ("activities/Event>tasks", "planned"): 2,
        ("activities/Event>tasks", "excluded"): 2,  # the copies of invitees
        ("activities/Note>notes", "planned"): 3,
        ("activities/Note>notes", "excluded"): 1,  # a private one
    }


def test_a_misspelt_field_of_what_takes_no_fields_of_ours_is_refused_by_the_plan(world: World) -> None:
    mapping = world.folder / "mapping" / "activities.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("result:        {rule", "reslut:        {rule"), "utf-8")

    with pytest.raises(MappingError, match=r"The target's tasks have no field reslut, and take none of ours.*result"):
        world.prepare()

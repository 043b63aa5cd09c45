"""The routes of notes, under each kind of card, and what a person sees of them in a card's feed."""

from starlette.responses import JSONResponse, Response

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.kommo.answers import nothing, refuse
from migration_pipelines.twins.kommo.entities import CARDS, NOTES, Entity, notes_of
from migration_pipelines.twins.kommo.reading import get_record, get_records, plain
from migration_pipelines.twins.kommo.twin import Kommo, Route, RouteTable, on
from migration_pipelines.twins.kommo.values import Fields
from migration_pipelines.twins.kommo.writing import patch_record, patch_records, post_records


def routes_of(card: str) -> RouteTable:
    def every(_: Kommo, __: Call) -> Entity:
        return notes_of(card)

    def of_card(twin: Kommo, call: Call) -> Entity:
        card_id = call.request.path_params["card_id"]
        if card_id not in twin.store.records(card, [card_id]):
            raise refuse(404, "Entity not found")
        return notes_of(card, card_id)

    def of_its_card(twin: Kommo, call: Call) -> Entity:
        """The notes of the card on which the named note stands."""
        note_id = call.request.path_params["id"]
        note = twin.records(notes_of(card), [note_id]).get(note_id)
        return notes_of(card, note["entity_id"]) if note else notes_of(card)

    def pin(twin: Kommo, call: Call, *, is_pinned: bool) -> Response:
        note_id = call.request.path_params["id"]
        if note_id not in twin.records(notes_of(card), [note_id]):
            raise refuse(404, "Entity not found")
        twin.store.update_record("notes", note_id, {"is_pinned": is_pinned})
        return nothing()

    table: tuple[Route, ...] = (
        ("GET", "notes", on(every, get_records)),
        ("POST", "notes", on(every, post_records)),
        ("PATCH", "notes", on(every, patch_records)),
        ("GET", "notes/{id:int}", on(every, get_record)),
        ("PATCH", "notes/{id:int}", on(of_its_card, patch_record)),
        ("POST", "notes/{id:int}/pin", lambda twin, call: pin(twin, call, is_pinned=True)),
        ("POST", "notes/{id:int}/unpin", lambda twin, call: pin(twin, call, is_pinned=False)),
        ("GET", "{card_id:int}/notes", on(of_card, get_records)),
        ("POST", "{card_id:int}/notes", on(of_card, post_records)),
        ("PATCH", "{card_id:int}/notes", on(of_card, patch_records)),
        ("GET", "{card_id:int}/notes/{id:int}", on(of_card, get_record)),
        ("PATCH", "{card_id:int}/notes/{id:int}", on(of_card, patch_record)),
    )
    return tuple((method, f"{card}/{path}", handler) for method, path, handler in table)


def feed(twin: Kommo, call: Call) -> Response:
    """GET feed?entity=leads&id=1: a card's notes as its feed shows them. Of several with one second one may show."""
    asked = call.request.query_params
    entity, card_id = asked.get("entity", ""), asked.get("id", "")
    if entity not in CARDS or not card_id.isdigit():
        raise ValueError("say entity=leads&id=1")
    rows = twin.store.sql(
        "SELECT * FROM record WHERE entity = 'notes' AND entity_type = ? AND entity_id = ? ORDER BY created_at, id",
        (entity, int(card_id)),
    ).fetchall()
    if twin.switches.feed_collapses_seconds:
        rows = list({row["created_at"]: row for row in rows}.values())
    return JSONResponse([plain(twin, NOTES, row, Fields({}, {})) for row in rows])


ROUTES: RouteTable = tuple(route for card in CARDS for route in routes_of(card))

"""From a table to a chunk: names looked up, cells brought into the stored form."""

from collections.abc import Collection, Sequence

from migration_pipelines.twins.salesforce.describe import Field
from migration_pipelines.twins.salesforce.describe_files import switch_for
from migration_pipelines.twins.salesforce.values import CSV_BLANKS, Values, from_json, from_seed, from_text
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.header import Column, read_header
from migration_pipelines.twins.salesforce.writing.outcomes import RowError
from migration_pipelines.twins.salesforce.writing.references import incorrect_type, resolve_parents
from migration_pipelines.twins.salesforce.writing.tables import Form, Table


def read_table(context: Context, table: Table) -> Chunk:
    """The rows by column. A row whose cells do not fit their fields is refused already.

    Raises:
        ColumnError: a column is no field, or comes twice.
        JsonMisfitError: a JSON value has another type than its field.
    """
    typed = table.form is Form.JSON or context.switches.typed_parent_columns
    columns = read_header(context.store.catalogue, table.obj, table.names, typed_parents=typed)
    chunk = Chunk(table.obj, len(table.rows), {})
    keyed: list[tuple[Column, Values]] = []
    for column, raw in zip(columns, _turned(table), strict=True):
        field = column.key.field if column.key else column.field
        values, misfits = _values(context, field, raw, table.form)
        for position in misfits:
            chunk.refuse(position, _misfit(field, raw[position]))
        if column.key:
            keyed.append((column, values))
        else:
            chunk.columns[column.field.name] = values
    resolve_parents(context.store, chunk, keyed)
    return chunk


def read_seed(context: Context, table: Table) -> Chunk:
    """The rows by column, hidden fields too; compounds are passed over.

    Raises:
        ValueError: a column is no field of the object, or a value does not fit its field.
    """
    columns: dict[str, Values] = {}
    for name, raw in zip(table.names, _turned(table), strict=True):
        field = table.obj.all_fields.get(name.lower())
        if field is None:
            switch = switch_for(table.obj.name, name)
            what_to_do = f"; start with --switch {switch}=true" if switch else ""
            raise ValueError(f"no field {name!r} in the describe of {table.obj.name}{what_to_do}")
        if field.is_stored:
            columns[field.name] = _bodies(context, field, raw) if field.type == "base64" else from_seed(field, raw)
    return Chunk(table.obj, len(table.rows), columns)


def _bodies(context: Context, field: Field, raw: Sequence[object]) -> Values:
    bodies, misfits = context.store.bodies.take(raw, is_seed=True)
    if misfits:
        raise ValueError(
            f"{field.name}: neither base64 nor @path of a file in the seed folder: {str(raw[misfits[0]])[:80]}"
        )
    return bodies


def _turned(table: Table) -> Sequence[Sequence[object]]:
    return list(zip(*table.rows, strict=True)) or [()] * len(table.names)


def _values(context: Context, field: Field, raw: Sequence[object], form: Form) -> tuple[Values, Collection[int]]:
    if field.type == "base64":
        return context.store.bodies.take(raw)
    if form is Form.CSV:
        return from_text(field, raw, CSV_BLANKS)  # type: ignore[arg-type]
    return from_json(field, raw)


def _misfit(field: Field, value: object) -> RowError:
    if field.type == "id":
        return RowError("MALFORMED_ID", f"malformed id {value}", (field.name,))
    if field.type == "reference":
        return incorrect_type(field, value)
    text = f"{field.label}: value not of required type: {value}"
    return RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", text, (field.name,))

"""New rows: what is missing is filled in, what is wrong is refused, the rest is stored."""

from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing import effects
from migration_pipelines.twins.salesforce.writing.audit import AUDIT_FIELDS
from migration_pipelines.twins.salesforce.writing.checks import check_present_in_new, check_values, check_writable
from migration_pipelines.twins.salesforce.writing.chunk import Chunk
from migration_pipelines.twins.salesforce.writing.completing import complete, store
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.keys import check_unique
from migration_pipelines.twins.salesforce.writing.object_rules import check_given, check_object
from migration_pipelines.twins.salesforce.writing.outcomes import Outcome, RowError, not_writable
from migration_pipelines.twins.salesforce.writing.references import check_references
from migration_pipelines.twins.salesforce.writing.sieve import Sieve


def create(context: Context, chunk: Chunk, *, upserting: bool = False) -> list[Outcome]:
    """Insert the chunk's rows, one answer each."""
    obj = chunk.obj
    sieve = Sieve(chunk, names_refused=False)
    if not obj.answer["createable"]:
        return sieve.refuse_all(
            RowError("INVALID_TYPE_FOR_OPERATION", f"entity type {obj.name} does not support create")
        )
    chunk = sieve.drop_refused()
    fields = [obj.all_fields[name.lower()] for name in chunk.columns if name != "Id"]
    for position, _ in chunk.said("Id"):
        error = RowError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
        chunk.refuse(position, error)
    check_writable(chunk, fields, "createable")
    if upserting and not context.switches.audit_fields_on_upsert:
        _refuse_audit(chunk)
    check_present_in_new(chunk, obj.all_fields.values())
    check_values(chunk, fields)
    check_references(context.store, chunk, fields, context.switches)
    chunk = sieve.drop_refused()
    check_given(context, chunk)
    chunk = sieve.drop_refused()
    ids = complete(context, chunk)
    check_object(context, chunk)
    check_unique(context.store, chunk, fields, ids, bin_blocks=context.switches.bin_holds_unique_values)
    chunk = sieve.drop_refused()
    if chunk.size:
        effects.before_create(context, chunk)
        store(context, chunk)
        effects.after_create(context, chunk)
    return sieve.outcomes(map(str, chunk.columns["Id"]), created=True)


def _refuse_audit(chunk: Chunk) -> None:
    for position in range(chunk.size):
        said = [name for name in AUDIT_FIELDS if name in chunk.columns and chunk.columns[name][position] is not ABSENT]
        if said and position not in chunk.errors:
            chunk.refuse(position, not_writable(said))

"""The one way in: insert, update, upsert, delete, and rows that are believed as they are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from migration_pipelines.twins.kit.clock import Clock
from migration_pipelines.twins.salesforce.describe import SObject
from migration_pipelines.twins.salesforce.moments import from_epoch
from migration_pipelines.twins.salesforce.store import Store
from migration_pipelines.twins.salesforce.switches import Switches
from migration_pipelines.twins.salesforce.values import ABSENT
from migration_pipelines.twins.salesforce.writing import deleting
from migration_pipelines.twins.salesforce.writing.changing import change
from migration_pipelines.twins.salesforce.writing.context import Context
from migration_pipelines.twins.salesforce.writing.creating import create
from migration_pipelines.twins.salesforce.writing.outcomes import ROLLED_BACK, Outcome
from migration_pipelines.twins.salesforce.writing.reading import read_table
from migration_pipelines.twins.salesforce.writing.tables import Form, Table
from migration_pipelines.twins.salesforce.writing.trusting import fill, put
from migration_pipelines.twins.salesforce.writing.upserting import upsert

SEED_CHUNK = 5_000


class Writer:
    """Writes within the caller's transaction, one answer for each row, in order; a refused row stops no other.

    A table is one chunk: it is checked and stored as a whole, so keep it to 10,000 rows. Uniqueness counts the rows of
    the same chunk, too.
    """

    def __init__(self, store: Store, switches: Switches, clock: Clock) -> None:
        self._store = store
        self._switches = switches
        self._clock = clock

    def insert(self, table: Table) -> list[Outcome]:
        """Raises: ColumnError, JsonMisfitError as in `read_table`; so do the next two."""
        context = self._context()
        return create(context, read_table(context, table))

    def update(self, table: Table) -> list[Outcome]:
        """Change the rows that the column Id names."""
        context = self._context()
        return change(context, read_table(context, table))

    def upsert(self, table: Table, key: str) -> list[Outcome]:
        """Change the rows that have the key's value, create the others.

        Args:
            key: a column of the table: an external id, an idLookup field or Id.

        Raises:
            ColumnError: also where the field cannot be a key.
        """
        context = self._context()
        return upsert(context, read_table(context, table), key)

    def delete(self, obj: SObject, ids: Sequence[object]) -> list[Outcome]:
        return deleting.delete(self._context(), obj, ids)

    def hard_delete(self, obj: SObject, ids: Sequence[object]) -> list[Outcome]:
        """Past the Recycle Bin. Whether that is allowed is the caller's to ask: `Switches.hard_delete`."""
        return deleting.delete(self._context(), obj, ids, for_good=True)

    def undelete(self, obj: SObject, ids: Sequence[object]) -> list[Outcome]:
        return deleting.undelete(self._context(), obj, ids)

    def together(self, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        """All or none: one refused row undoes the work, and the answers of the others say so."""
        with self._store.savepoint() as undo:
            outcomes = work()
            if all(outcome.is_written for outcome in outcomes):
                return outcomes
            undo()
        return [
            outcome if outcome.errors else Outcome(None, created=False, errors=(ROLLED_BACK,)) for outcome in outcomes
        ]

    # --- believed: seeds, and what a person would have done

    def fill(self, obj: SObject, names: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Add a seed's rows, however many. What they do not say is filled in. Returns how many.

        Raises:
            ValueError: a column is no field, a value does not fit, or a row has another number of cells.
            sqlite3.IntegrityError: an id is there already.
        """
        context, total, pending = self._context(), 0, iter(rows)
        while chunk := list(islice(pending, SEED_CHUNK)):
            total += fill(context, Table(obj, tuple(names), chunk, Form.SEED))
        return total

    def put(self, obj: SObject, records: Sequence[Mapping[str, object]]) -> list[str]:
        """Change the rows whose Id is there and add the others, as a person would have now. Returns the ids."""
        names = tuple(dict.fromkeys(name for record in records for name in record if name != "attributes"))
        rows = [[record.get(name, ABSENT) for name in names] for record in records]
        return put(self._context(), Table(obj, names, rows, Form.SEED))

    def _context(self) -> Context:
        return Context(self._store, self._switches, from_epoch(self._clock.now()))

"""Writing rows: one engine behind single records, Collections, Composite, Bulk jobs, seeds and the control endpoints."""

from migration_pipelines.twins.salesforce.writing.engine import Writer
from migration_pipelines.twins.salesforce.writing.header import ColumnError
from migration_pipelines.twins.salesforce.writing.outcomes import Outcome, RowError
from migration_pipelines.twins.salesforce.writing.tables import Form, Table, table_of

__all__ = ["ColumnError", "Form", "Outcome", "RowError", "Table", "Writer", "table_of"]

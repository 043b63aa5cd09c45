"""What became of a row, and the errors that more than one module finds."""

from collections.abc import Sequence
from typing import NamedTuple


class RowError(NamedTuple):
    """Why a row was refused. `fields` are API names."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """The answer for one row.

    Attributes:
        id: of the written row; of a refused one where it is known.
        created: whether the row is new.
        errors: empty where the row was written.
    """

    id: str | None
    created: bool
    errors: tuple[RowError, ...] = ()

    @property
    def is_written(self) -> bool:
        return not self.errors


ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
DELETED = RowError("ENTITY_IS_DELETED", "entity is deleted")
UNKNOWN_REFERENCE = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def not_writable(names: Sequence[str]) -> RowError:
    listed = ", ".join(names)
    return RowError(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {listed}. Please check the security settings of this field and verify that "
        "it is read/write for your profile or permission set.",
        tuple(names),
    )


def missing(names: Sequence[str]) -> RowError:
    return RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", tuple(names))


def several(field: str, ids: Sequence[str]) -> RowError:
    found = ", ".join(ids)
    return RowError(
        "DUPLICATE_EXTERNAL_ID", f"{field}: more than one record found for external id field: [{found}]", (field,)
    )

"""Named switches: how the twin behaves where Salesforce's documentation leaves room, or orgs differ."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

FEATURES = (
    "multi_currency",
    "person_accounts",
    "enhanced_email",
    "contacts_to_multiple_accounts",
    "state_country_picklists",
)
"""What an org has or has not: objects and fields come and go with it."""


@dataclass(frozen=True)
class Switches:
    """Each has a default. The README's table says what it stands for.

    Attributes:
        session_seconds: life of an issued session since its last use.
        jwt_seconds: how far ahead the `exp` of a JWT may lie.
        refresh_rotation: whether a refresh token is spent by its first use, which returns the next one.
        soap_login: whether the SOAP API takes logins, up to version 64.0.
        locator_seconds: age at which a query locator is forgotten.
        bulk_query_delay_seconds: from a query job's creation until it is complete.
        bulk_page_rows: rows of a page of Bulk results where the request does not say how many.
        bulk_header_on_every_page: whether each page of Bulk results begins with the header, or only the first.
        bulk_early_results: what results are before the job is complete: "refused" (400) or "empty" (204).
        daily_query_jobs: Bulk query jobs in a rolling 24 hours.
        bulk_ingest_delay_seconds: how long a closed ingest job is queued before it is worked off.
        bulk_rows_per_second: how fast all ingest jobs together take in rows; 0 is as fast as it goes.
        bulk_inner_line_endings: whether line breaks inside quoted cells must be those of the job, too.
        bulk_accepts_bom: whether an upload may begin with a byte order mark.
        bulk_shuffled_results: whether result rows come in another order than those of the upload.
        daily_bulk_batches: chunks of 10,000 rows of ingest jobs in a rolling 24 hours.
        daily_requests: API requests in a rolling 24 hours.
        data_storage_mb: what the org may hold in records.
        file_storage_mb: what the org may hold in files.
        uri_bytes: longer request lines answer 414.
        archive_days: age at which the daily background run archives Events and closed Tasks.
        multi_currency: whether CurrencyIsoCode, CurrencyType and DatedConversionRate exist.
        person_accounts: whether Account and Contact have IsPersonAccount, and Account the Person fields.
        enhanced_email: whether EmailMessage and EmailMessageRelation exist.
        contacts_to_multiple_accounts: whether AccountContactRelation exists.
        state_country_picklists: whether addresses have StateCode and CountryCode.
        polymorphic_type: what `attributes.type` of `Who`, `What`, `Owner` says: "concrete" (Contact) or "Name".
        audit_fields: whether CreatedDate, CreatedById, LastModifiedDate and LastModifiedById may be set in new records.
        audit_fields_on_upsert: whether an upsert that creates may set them as well.
        inactive_owners: whether new owners may be inactive: "refused", "listed" (on the objects that the permission is
            documented for) or "any".
        hard_delete: whether the user may delete past the Recycle Bin.
        typed_parent_columns: whether a CSV column `Contact:Who.Ext__c` is understood.
        bin_holds_unique_values: whether a row in the Recycle Bin still keeps its unique values from others.
    """

    session_seconds: int = 2 * 60 * 60
    jwt_seconds: int = 300
    refresh_rotation: bool = False
    soap_login: bool = True
    locator_seconds: int = 2 * 24 * 60 * 60
    bulk_query_delay_seconds: float = 0.0
    bulk_page_rows: int = 100_000
    bulk_header_on_every_page: bool = True
    bulk_early_results: str = "refused"
    daily_query_jobs: int = 10_000
    bulk_ingest_delay_seconds: float = 0.0
    bulk_rows_per_second: float = 0.0
    bulk_inner_line_endings: bool = True
    bulk_accepts_bom: bool = False
    bulk_shuffled_results: bool = True
    daily_bulk_batches: int = 15_000
    daily_requests: int = 100_000
    data_storage_mb: int = 10_240
    file_storage_mb: int = 10_240
    uri_bytes: int = 16_384
    archive_days: int = 365
    multi_currency: bool = False
    person_accounts: bool = False
    enhanced_email: bool = True
    contacts_to_multiple_accounts: bool = False
    state_country_picklists: bool = False
    polymorphic_type: str = "concrete"
    audit_fields: bool = False
    audit_fields_on_upsert: bool = False
    inactive_owners: str = "refused"
    hard_delete: bool = False
    typed_parent_columns: bool = False
    bin_holds_unique_values: bool = False

    @property
    def features(self) -> frozenset[str]:
        """Names of the switches that are on, of those that describes depend on."""
        return frozenset(name for name in FEATURES if getattr(self, name))

    def but(self, given: Mapping[str, object]) -> "Switches":
        """These switches with some changed; values may be the command line's strings.

        Raises:
            ValueError: no switch has that name, or the value does not fit it.
        """
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        unknown = sorted(set(given) - set(kinds))
        if unknown:
            raise ValueError(f"no switch {', '.join(unknown)}; there are {', '.join(kinds)}")
        changed = replace(self, **{name: _as(kinds[name], value) for name, value in given.items()})  # type: ignore[arg-type]
        if changed.polymorphic_type not in ("concrete", "Name"):
            raise ValueError("polymorphic_type is concrete or Name")
        if changed.bulk_early_results not in ("refused", "empty"):
            raise ValueError("bulk_early_results is refused or empty")
        if changed.bulk_page_rows < 1:
            raise ValueError("bulk_page_rows is at least 1")
        if changed.inactive_owners not in ("refused", "listed", "any"):
            raise ValueError("inactive_owners is refused, listed or any")
        return changed


def _as(kind: type, value: object) -> object:
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{value!r} is neither true nor false")
        return value.lower() == "true"
    return kind(value)

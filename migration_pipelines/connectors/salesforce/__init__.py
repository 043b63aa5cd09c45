"""Salesforce: as a source."""

from migration_pipelines.connectors.salesforce.sign_in import Credentials
from migration_pipelines.connectors.salesforce.source import SalesforceSource

__all__ = ["Credentials", "SalesforceSource"]

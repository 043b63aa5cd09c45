"""Salesforce: as a source."""

from migration_pipelines.connectors.salesforce.source import SalesforceSource

__all__ = ["SalesforceSource"]

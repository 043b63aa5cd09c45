"""The Salesforce twin: an org that behaves as Salesforce's documentation says. See README.md."""

from migration_pipelines.twins.salesforce.app import build_salesforce_twin

__all__ = ["build_salesforce_twin"]

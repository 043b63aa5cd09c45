"""Kommo: as a target."""

from migration_pipelines.connectors.kommo.target import KommoTarget

__all__ = ["KommoTarget"]

"""Converters: one value in, one value or a Problem out. Each knows a value, never a record."""

from migration_pipelines.core.converters import dates, money, phone, text  # noqa: F401  they register themselves
from migration_pipelines.core.converters.registry import Converter, converter, find_converter, made_type

__all__ = ["Converter", "converter", "find_converter", "made_type"]

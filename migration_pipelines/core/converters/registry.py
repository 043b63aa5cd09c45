"""Finds a converter by the name that a mapping file uses, and checks the options that it is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from migration_pipelines.core.records import Problem
from migration_pipelines.errors import MappingError

F = TypeVar("F", bound=Callable[..., Any])
Converter = Callable[[Any], Any | Problem]
_CONVERTERS: dict[str, Callable[..., Any]] = {}
_MAKES: dict[str, str] = {}


def converter(*, makes: str | None = None) -> Callable[[F], F]:
    """Make a function usable under its own name in `convert:`. Its first argument is never None.

    Args:
        makes: the type of target field that its values want, where the target has to make that field; None keeps the
            type of the source field.
    """

    def register(function: F) -> F:
        _CONVERTERS[function.__name__] = function
        if makes:
            _MAKES[function.__name__] = makes
        return function

    return register


def made_type(calls: Sequence[str | dict[str, Any]]) -> str | None:
    """The type of field that a chain of converters wants; None where it keeps the source's."""
    names = [call if isinstance(call, str) else next(iter(call)) for call in calls]
    return next((_MAKES[name] for name in reversed(names) if name in _MAKES), None)


def find_converter(call: str | dict[str, Any]) -> Converter:
    """The converter that a mapping file names, options bound.

    Args:
        call: "email", or {"phone": {"region": "TR"}}.

    Raises:
        MappingError: there is no such converter, or it does not take these options.
    """
    name, options = (call, {}) if isinstance(call, str) else next(iter(call.items()))
    if name not in _CONVERTERS:
        raise MappingError(f"there is no converter {name!r}; there are: {', '.join(sorted(_CONVERTERS))}")
    function = _CONVERTERS[name]
    try:
        inspect.signature(function).bind(None, **(options or {}))
    except TypeError as error:
        raise MappingError(f"converter {name!r}: {error}") from error
    return partial(function, **options) if options else function

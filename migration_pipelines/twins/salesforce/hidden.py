"""What field and object permissions hide from whoever calls: `hidden.json` of a seed, and its control endpoint.

{"fields": {"Contact": ["Salary__c"]}, "objects": ["Quote"]}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migration_pipelines.twins.salesforce.describe import Catalogue


@dataclass(frozen=True)
class Hidden:
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    objects: tuple[str, ...] = ()

    @classmethod
    def told(cls, told: object) -> "Hidden":
        """Read the JSON form.

        Raises:
            ValueError: it is another.
        """
        match told:
            case dict() if told.keys() <= {"fields", "objects"}:
                fields, objects = told.get("fields", {}), told.get("objects", [])
                if isinstance(fields, dict) and all(map(_is_names, (objects, *fields.values()))):
                    return cls({name: tuple(names) for name, names in fields.items()}, tuple(objects))
        raise ValueError('say {"fields": {"Contact": ["Salary__c"]}, "objects": ["Quote"]}')

    @classmethod
    def of_seed(cls, folder: Path | None) -> "Hidden":
        """What the folder's `hidden.json` says; nothing without one.

        Raises:
            ValueError: it cannot be used.
        """
        path = folder / "hidden.json" if folder else None
        if path is None or not path.is_file():
            return cls()
        try:
            return cls.told(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"hidden.json: {error}") from error

    def hide_in(self, catalogue: Catalogue) -> None:
        """Hide this and nothing else.

        Raises:
            ValueError: the org lacks something of it, or it cannot be hidden.
        """
        catalogue.hide(self.fields, self.objects)

    def as_dict(self) -> dict[str, object]:
        return {"fields": {name: list(names) for name, names in self.fields.items()}, "objects": list(self.objects)}


def _is_names(told: object) -> bool:
    return isinstance(told, list) and all(isinstance(name, str) for name in told)

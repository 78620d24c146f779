"""The JSON schema of the mapping language, for editors.

Written by `python -m adapters.groupware.schema > mappings/schema.json`.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType

from adapters.groupware import mapping, values


def schema() -> str:
    """The text of mappings/schema.json."""
    whole = mapping.StoreMapping.model_json_schema()
    shapes = whole["$defs"] | {mapping.StoreMapping.__name__: whole}
    for module in (values, mapping):
        for shape, field, text in _docstrings(module):
            if field in (properties := shapes.get(shape, {}).get("properties", {})):
                properties[field] = dict(sorted({"description": text, **properties[field]}.items()))
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _docstrings(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Class, field and text of what is written below the fields. (pydantic would read the source at every start.)"""
    for shape in ast.parse(inspect.getsource(module)).body:
        if isinstance(shape, ast.ClassDef):
            for field, below in pairwise(shape.body):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        yield shape.name, name, inspect.cleandoc(text)
                    case _:
                        pass


if __name__ == "__main__":
    sys.stdout.write(schema())

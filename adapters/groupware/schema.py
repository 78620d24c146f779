"""The JSON schema of the mapping language, for editors.

Written by `python -m adapters.groupware.schema > mappings/schema.json`.
"""

import json
import sys

from adapters.groupware.mapping import StoreMapping


def schema() -> str:
    """The text of mappings/schema.json."""
    return json.dumps(StoreMapping.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())

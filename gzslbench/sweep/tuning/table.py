"""A table of parameters as a defaults.toml has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def table_text(name: str, method: str, source: str, values: Mapping[str, Any]) -> str:
    """TOML of the table ``name``: the ``method`` that it is for, its ``source``, and plain ``values``."""
    lines = [f"[{_key(name)}]", f"method = {_value(method)}", f"source = {_value(source)}"]
    lines += [f"{_key(each)} = {_value(value)}" for each, value in values.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)

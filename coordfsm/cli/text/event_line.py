"""An event of a node in a line of text."""

import json
from typing import Any

from coordfsm.cli.text.terminal import shown


def sentence(event: dict[str, Any]) -> str:
    """An event in a line."""
    fields = ", ".join(f"{name} {_short(value)}" for name, value in event.items() if name != "type" and value != "")
    return shown(f"{event['type']}: {fields}" if fields else str(event["type"]))


def _short(value: Any) -> str:
    if isinstance(value, dict) and value.get("type") == "View":
        return f"{value['number']} of " + " ".join(member["node"] for member in value["members"])
    if isinstance(value, dict) and value.get("type") == "TransactionId":
        return f"{value['source']}.{value['incarnation']}.{value['counter']}" if value["source"] else "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."

"""Where the runtime meets the machines: their settings, the types that travel and rest, a process's initial data."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from coordfsm.kernel import Endpoint, Message, Value
from coordfsm.protocols import node
from coordfsm.protocols.identity import messages as identity
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.settings import Setting, machine_settings

_OWN_SECTIONS = ("node", "endpoint")
_TOLD_ELSEWHERE = frozenset({"label", "seeds", "process", "node", "endpoint"})
"""Settings of the machines that the node's own settings give."""


def _sections() -> dict[str, type[Value]]:
    """The sections of the machines' settings: the fields of `NodeSettings` that hold settings of a part."""
    fields = msgspec.structs.fields(node.NodeSettings)
    return {field.name: cast("type[Value]", field.type) for field in fields if field.name not in _OWN_SECTIONS}


SECTIONS: Mapping[str, type[Value]] = _sections()

MACHINE_SETTINGS: tuple[Setting, ...] = tuple(
    setting for section, kind in SECTIONS.items() for setting in machine_settings(section, kind, _TOLD_ELSEWHERE)
)
"""Every setting of the machines that an operator may give."""

MESSAGES: tuple[type[Message], ...] = (*node.MESSAGES, *identity.MESSAGES)
"""Every message that a process can receive."""

PROMPT = node.PROMPT
"""The messages that are answered from the durable state while a commit is under way."""

RECORDS: tuple[type[Value], ...] = (*node.RECORDS, *identity.RECORDS)
"""Every value that rests in a store."""

VALUES = tuple(dict.fromkeys((*node.MESSAGES, *node.COMMANDS, *RECORDS)))
"""Every value that a trace holds."""


def node_settings(config: NodeConfig, endpoint: Endpoint) -> node.NodeSettings:
    """The machines' settings of a configured node that is reached at `endpoint`."""
    parts: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        given = dict(config.machines.get(section, {}))
        told = {"label": config.label, "seeds": config.seeds, "process": config.name}
        given |= {name: value for name, value in told.items() if name in kind.__struct_fields__}
        parts[section] = kind(**given)
    return node.NodeSettings(config.name, endpoint, **parts)


def initial_data(settings: node.NodeSettings) -> node.NodeData:
    """The data of a process before its first input."""
    return node.initial(settings)


MACHINE = node.composition
"""The composed node: one step function over all machines."""

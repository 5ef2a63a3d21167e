"""Settings of migration, with sensible defaults."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from coordfsm.kernel import Value
from coordfsm.protocols.migration.messages import MAXIMUM_TOKENS


class MigrationSettings(Value):
    """What an operator may set.

    Attributes:
        phase_ms: after this long without an answer, a message is sent again.
        total_ms: a migration that is not decided after this long is aborted.
        freeze_timeout_ms: how long the application may take to confirm that it serves an entity no longer; without its
            word the migration is refused.
        fence_ms: how often a process that was resolved against is told so, until it acknowledges it.
        tokens_per_entity: how many used idempotency tokens are kept with an entity.
        capacity: how many entities the process takes in; it refuses further ones, and keeps those it has.
        maximum_payload_bytes: larger entities are refused at creation and update.
        bounds: least and most of a setting, where it has any beyond those of its kind.
    """

    bounds: ClassVar[Mapping[str, tuple[int, int]]] = MappingProxyType({"tokens_per_entity": (1, MAXIMUM_TOKENS)})

    phase_ms: int = 100
    total_ms: int = 300
    freeze_timeout_ms: int = 3_000
    fence_ms: int = 1_000
    tokens_per_entity: int = 16
    capacity: int = 1_000_000
    maximum_payload_bytes: int = 1_000_000

"""A cluster of composed nodes with every fault, far too large to explore: for random runs.

All processes but the joiners start in a common view; the first owns an entity. Everything that the application, the
operator's network and chance may do can happen at any moment: joins, leaves, migrations to any process, registrations,
lost and repeated messages, crashes between any two effects, timers that fire early.
"""

from functools import partial
from typing import Annotated

from coordfsm.check.modelling.model import Faults, Local, Model, Multiset, Node, Partition
from coordfsm.check.modelling.parameters import Parameter
from coordfsm.check.models.coordinator import restarted_records
from coordfsm.check.models.membership_consensus import NAMES, first_view
from coordfsm.check.models.node import ENTITY, Past, joint_properties, remember, timed_step
from coordfsm.kernel import Command, Write
from coordfsm.protocols.coordinator.messages import RegisterBubbles, UnregisterBubbles
from coordfsm.protocols.membership import Settings
from coordfsm.protocols.membership.data import IDENTITY_KEY, VIEW_KEY, IdentityRecord
from coordfsm.protocols.membership.events import Join, Leave
from coordfsm.protocols.migration.messages import EntityRecord, Migrate, entity_key
from coordfsm.protocols.node import NodeSettings, composition, initial


def _commands(names: tuple[str, ...], local: Local) -> tuple[Command, ...]:
    own = local.data.membership.node
    others = tuple(name for name in names if name != own)
    bubbles = (f"bubble-{own}",)
    return (
        *(Migrate(ENTITY, other) for other in others),
        RegisterBubbles(bubbles),
        UnregisterBubbles(bubbles),
        Join(others[:2]),
        Leave(),
    )


def build(
    *,
    processes: Annotated[int, Parameter("processes, the joiners among them", minimum=2, maximum=12)] = 5,
    joiners: Annotated[int, Parameter("processes that start outside of the first view", minimum=0, maximum=3)] = 1,
    migrations: Annotated[int, Parameter("requests to migrate the entity, over all processes", minimum=0)] = 8,
    leaves: Annotated[int, Parameter("processes that leave", minimum=0)] = 1,
    crash: Annotated[int, Parameter("crashes, also between two effects; all may recover", minimum=0)] = 3,
    loss: Annotated[int | None, Parameter("messages that may be lost; none: no bound", minimum=0)] = 20,
    duplicate: Annotated[int, Parameter("deliveries that leave a copy in flight", minimum=0)] = 5,
    partition: Annotated[int, Parameter("how often the first process is cut off", minimum=0)] = 1,
) -> Model:
    """Five to twelve composed nodes under every fault, for `coordfsm fuzz`; too large to explore."""
    given = dict(locals())
    names = tuple(NAMES[:processes])
    members = names[: max(processes - joiners, 1)]
    view = first_view(len(members))
    shared = (Write(IDENTITY_KEY, IdentityRecord(1, None)), Write(VIEW_KEY, view), *restarted_records(view))
    owned = (Write(entity_key(ENTITY), EntityRecord("owned", epoch=1, payload=b"e")),)
    records = {name: (*shared, *(owned if name == names[0] else ())) if name in members else () for name in names}
    cut_off = frozenset((one, other) for one in names for other in names if (one == names[0]) != (other == names[0]))
    nodes = tuple(
        Node(
            name,
            initial(NodeSettings(name, name, Settings(takeover_ms=0, missed_limit=1, contact_attempts=2))),
            partial(timed_step, composition),
            partial(_commands, names),
            boots=True,
            durable=tuple(sorted(records[name], key=lambda write: write.key)),
            history=remember,
            first_history=Past(),
            rules=composition.rule_names,
        )
        for name in names
    )
    return Model(
        name="cluster",
        parameters=given,
        nodes=nodes,
        network=Multiset(loss, duplicate),
        faults=Faults(crash=crash, partitions=(Partition("first cut off", cut_off),), partition=partition),
        budgets={
            "local_leave": leaves,
            "local_migrate": migrations,
            "local_join": 2 * joiners,
            "local_register_bubbles": processes,
            "local_unregister_bubbles": 2,
        },
        properties=joint_properties(doubts=False, migrations=False),
    )


DEFAULTS: dict[str, tuple[dict[str, object], ...]] = {"cluster": ()}
FUZZ: dict[str, tuple[dict[str, object], ...]] = {"cluster": ({}, {"processes": 7, "joiners": 2})}

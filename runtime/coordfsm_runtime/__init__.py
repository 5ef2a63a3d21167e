"""Run the machines in real processes: sockets, clocks and disks live here, decisions do not.

All that an application needs is here, and loaded when it is first used. By purpose:

- **run**: `ClusterNode` with its `NodeConfig`; `run_node` as a process of its own;
- **hear**: every event of a node's stream, as a class to match on (``case EntityArrived(entity=name):``);
- **move**: `ClusterNode.migrate` gives a `MigrationEnded`, whose outcome is a `MigrationOutcome`;
- **command**: what `ClusterNode.submit` takes, beside the node's own methods (`Join`, `ForceView`, ...);
- **store**: `Store`, and what one of your own has to keep (`RECORDS`);
- **look**: `audit_traces` and `audit_stores` judge what really happened.
"""

from coordfsm.lazy import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    {
        "coordfsm_runtime.node": ("ClusterNode",),
        "coordfsm_runtime.config": ("NodeConfig", "read_key_file"),
        "coordfsm_runtime.service": ("run_node",),
        "coordfsm_runtime.wire.keyring": ("new_key", "parse_key"),
        "coordfsm_runtime.lab.processes": ("LocalCluster", "NodeProcess", "ProcessError", "free_endpoints"),
        "coordfsm_runtime.errors": (
            *("AdminError", "BusyError", "CommandRefusedError", "ConfigurationError", "EndpointError"),
            *("MessageTooLargeError", "NodeStoppedError", "StoreError", "StoreInUseError", "TraceError"),
            "UnconfirmedError",
        ),
        "coordfsm_runtime.events": ("EventsMissed", "Listener"),
        "coordfsm_runtime.storage.store": ("Store", "StagingStore", "CheckedStore", "SqliteStore"),
        "coordfsm_runtime.machines": ("RECORDS",),
        "coordfsm_runtime.update_outcome": ("UpdateOutcome",),
        "coordfsm_runtime.traces.audit": ("TraceAudit", "audit_traces"),
        "coordfsm_runtime.traces.ownership": ("Ownership", "audit_stores"),
        "coordfsm.protocols.view": ("Member", "View"),
        "coordfsm.protocols.membership.messages": ("Ballot", "Cut", "MemberId"),
        "coordfsm.protocols.membership.events": (
            *("Bootstrap", "Join", "Leave", "ForceView"),
            *("ViewChanged", "ViewRecovered", "MemberShunned", "MemberLeaving", "MemberLeft"),
            *(
                "MemberWedged",
                "MemberUnwedged",
                "FoundingBegun",
                "FoundingDecided",
                "FoundingRefused",
                "JoinAsked",
                "JoinRefused",
                "JoinerRefused",
            ),
            *("SubjectAccused", "SubjectRebutted", "CutProposed", "CutAccepted"),
            *("CommandRefused", "MessageRefused"),
        ),
        "coordfsm.protocols.coordinator.registry": (
            *("Hosting", "Registry", "BubbleConflict", "InvalidBubble", "TooManyBubbles", "UnknownProcess"),
        ),
        "coordfsm.protocols.coordinator.messages": (
            *("RegisterBubbles", "UnregisterBubbles"),
            *("CoordinatorNamed", "TopologyBroadcast", "TopologyAccepted", "BubblesRegistered", "BubblesRefused"),
        ),
        "coordfsm.protocols.migration.outcome": ("MigrationOutcome",),
        "coordfsm.protocols.migration.messages": (
            *("CreateEntity", "UpdateEntity", "RemoveEntity", "Migrate", "ConfirmStopped", "ResolveInDoubt"),
            *("MigrationEnded", "EntityArrived", "EntityLeft", "EntityFrozen", "EntityThawed", "EntityRefused"),
            *("CommitDecided", "InDoubt", "InDoubtEnded", "StopUnconfirmed"),
            *("EntityRecord", "TransactionId", "entity_key"),
        ),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

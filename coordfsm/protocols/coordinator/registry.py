"""The registry: which process hosts which bubbles, and back. Pure values and pure functions on them.

A process's entry is replaced as a whole by a registration with a higher version. Within a view no entry goes
away (a process that hosts nothing has an empty one), so a later registry differs from an earlier one of the
same view only in the entries that changed since: that is what a delta carries.
"""

from collections.abc import Iterable
from typing import ClassVar

from coordfsm.kernel import Map, Value, not_ascending
from coordfsm.protocols.identifier import EXPECTED, IDENTIFIER_LIMIT, is_identifier
from coordfsm.protocols.view import View, member_of

HOSTED_LIMIT = 512
"""Bubbles of one process: a registration then fits one datagram (512 ids of 64 characters are 33 kB)."""


class Hosting(Value):
    """One process's entry.

    Attributes:
        process: node id.
        incarnation: of the process.
        version: of the registration that it comes from; rises with every change the process makes.
        bubbles: what the process hosts, sorted.
        changed_at: the topology version that first holds this entry.
    """

    process: str
    incarnation: int
    version: int
    longest_list: ClassVar[int] = HOSTED_LIMIT
    bubbles: tuple[str, ...]
    changed_at: int = 0

    def ill_formed(self) -> str | None:
        """The bubbles are not sorted, or one is there twice."""
        return not_ascending("bubbles", self.bubbles)


class Registry(Value):
    """Process to entry, and bubble to process. Build it with `with_entry` only: both maps must agree."""

    processes: Map[str, Hosting] = Map()
    hosts: Map[str, str] = Map()


class InvalidBubble(Value):
    """An id is empty, longer than `IDENTIFIER_LIMIT` characters, or holds spaces or unprintable characters."""

    bubble: str
    expected: str = EXPECTED


class TooManyBubbles(Value):
    """A process asked to host more bubbles than fit one registration.

    Attributes:
        count: bubbles that it would host.
        limit: bubbles that it may.
    """

    count: int
    limit: int = HOSTED_LIMIT


class UnknownProcess(Value):
    """A registration for a process that is not a member of the coordinator's view under this incarnation.

    Attributes:
        process: node id.
        incarnation: as the registration says.
        view_number: of the coordinator's view.
    """

    process: str
    incarnation: int
    view_number: int


class BubbleConflict(Value):
    """Bubbles that other processes host already: pairs (bubble, holder's node id), sorted."""

    conflicts: tuple[tuple[str, str], ...]


Refusal = InvalidBubble | TooManyBubbles | UnknownProcess | BubbleConflict


def bubbles_refusal(bubbles: Iterable[str]) -> InvalidBubble | TooManyBubbles | None:
    """Why no process could host this set, or None."""
    held = tuple(bubbles)
    if len(held) > HOSTED_LIMIT:
        return TooManyBubbles(len(held))
    wrong = next((bubble for bubble in sorted(held) if not is_identifier(bubble)), None)
    return None if wrong is None else InvalidBubble(wrong[: IDENTIFIER_LIMIT + 1])


def registration_refusal(registry: Registry, view: View, wanted: Hosting) -> Refusal | None:
    """Why a registration cannot enter the registry of a view, or None."""
    if not is_member(view, wanted.process, wanted.incarnation):
        return UnknownProcess(wanted.process, wanted.incarnation, view.number)
    refusal = bubbles_refusal(wanted.bubbles)
    if refusal is not None:
        return refusal
    held = ((bubble, registry.hosts.get(bubble, wanted.process)) for bubble in wanted.bubbles)
    conflicts = tuple(sorted((bubble, holder) for bubble, holder in held if holder != wanted.process))
    return BubbleConflict(conflicts) if conflicts else None


def is_member(view: View, process: str, incarnation: int) -> bool:
    """Whether a process belongs to a view under this incarnation."""
    member = member_of(view, process)
    return member is not None and member.incarnation == incarnation


def is_newer(registry: Registry, wanted: Hosting) -> bool:
    """Whether a registration says more than the entry that the registry holds."""
    known = registry.processes.get(wanted.process)
    return known is None or (known.incarnation, known.version) < (wanted.incarnation, wanted.version)


def with_entry(registry: Registry, entry: Hosting) -> Registry:
    """The registry with a process's entry replaced. The caller has checked that it conflicts with none."""
    return merged(registry, (entry,))


def registry_of(entries: Iterable[Hosting]) -> Registry:
    """The registry with these entries."""
    return merged(Registry(), tuple(entries))


def restricted_to(registry: Registry, view: View) -> Registry:
    """The entries of the view's members, as of a first version: what is left when others departed."""
    present = {(member.node, member.incarnation) for member in view.members}
    return registry_of(
        Hosting(entry.process, entry.incarnation, entry.version, entry.bubbles, changed_at=1)
        for entry in entries_of(registry)
        if (entry.process, entry.incarnation) in present
    )


def entries_of(registry: Registry) -> tuple[Hosting, ...]:
    """All entries, by process."""
    return tuple(registry.processes[process] for process in sorted(registry.processes))


def changed_since(registry: Registry, version: int) -> tuple[Hosting, ...]:
    """The entries that a reader of topology `version` of the same view lacks, by process."""
    return tuple(entry for entry in entries_of(registry) if entry.changed_at > version)


def merged(registry: Registry, entries: tuple[Hosting, ...]) -> Registry:
    """A reader's registry after a delta: all changed entries leave before any enters, so that a bubble can move."""
    # Changed in place until both are finished: a large topology enters thousands of bubbles at once.
    hosts, processes = registry.hosts.mutate(), registry.processes.mutate()
    for entry in entries:
        known = processes.get(entry.process)
        for bubble in known.bubbles if known is not None else ():
            if hosts.get(bubble) == entry.process:  # another process may have been published with it meanwhile
                del hosts[bubble]
    for entry in entries:
        processes[entry.process] = entry
        for bubble in entry.bubbles:
            hosts[bubble] = entry.process
    return Registry(processes.finish(), hosts.finish())


def ill_formed_entries(entries: tuple[Hosting, ...]) -> str | None:
    """What is wrong with entries that are published together: each process once, each bubble at one of them."""
    wrong = not_ascending("entries", (entry.process for entry in entries))
    refusals = (bubbles_refusal(entry.bubbles) for entry in entries)
    refused = next((refusal for refusal in refusals if refusal is not None), None)
    if wrong is not None or refused is not None:
        return wrong or f"entries hold {refused}"
    return not_ascending("entries", sorted(bubble for entry in entries for bubble in entry.bubbles))


def covers(registry: Registry, view: View) -> bool:
    """Whether every member of the view has an entry."""
    return all(member.node in registry.processes for member in view.members)

"""Members, views and rings: pure functions of a view, and the commands by which membership tells its siblings.

A view's id is a hash of all of it, number and parent included, so that ids never recur even when the same set of
members does. Everything else here (who coordinates, who monitors whom) follows from the view alone, so that two
processes in the same view always agree on it.
"""

from functools import lru_cache

from coordfsm.kernel import Command, Endpoint, Value, fingerprint, not_ascending

ViewId = str
"""32 hexadecimal digits; empty for "no view", the parent of a founding view."""

NO_VIEW: ViewId = ""

RINGS = 10
"""K: how many monitors a member has, when there are that many others."""

_CACHED_VIEWS = 256


class Member(Value):
    """A process in one of its incarnations, and where it is reached.

    Attributes:
        node: the process's stable id.
        incarnation: rises whenever the process enters the cluster as a new member.
        endpoint: its address.
    """

    node: str
    incarnation: int
    endpoint: Endpoint

    def __str__(self) -> str:
        """Node and incarnation, for traces: ``n1.2``."""
        return f"{self.node}.{self.incarnation}"


class View(Value, cache_hash=True):
    """An agreed set of members.

    Attributes:
        lineage: the chain of views it belongs to; a new one starts at bootstrap and when an operator forces a view.
        number: rises by one from view to view.
        parent: the id of the view whose members decided this one.
        members: sorted by node id, each node id once.
    """

    lineage: str
    number: int
    parent: ViewId
    members: tuple[Member, ...]

    def ill_formed(self) -> str | None:
        """No members, or not sorted by node with each once."""
        if not self.members:
            return "members is empty, expected at least one"
        return not_ascending("members", (member.node for member in self.members))

    def __str__(self) -> str:
        """Number and members, for traces: ``view 3 {n1.1 n2.1}``."""
        return f"view {self.number} {{{' '.join(str(member) for member in self.members)}}}"

    @property
    def id(self) -> ViewId:
        """XXH3-128 of lineage, number, parent and members."""
        return view_id(self)


@lru_cache(_CACHED_VIEWS)
def view_id(view: View) -> ViewId:
    """The id of a view: 32 hexadecimal digits of XXH3-128 over all of it."""
    return f"{fingerprint(view):032x}"


def member_of(view: View, node: str) -> Member | None:
    """The member of a view with this node id, or None."""
    return _by_node(view).get(node)


def member_at(view: View, endpoint: Endpoint) -> Member | None:
    """The member of a view that is reached at this address, or None."""
    return _by_endpoint(view).get(endpoint)


def majority(view: View) -> int:
    """How many members make a quorum: more than half."""
    return len(view.members) // 2 + 1


@lru_cache(_CACHED_VIEWS)
def ring_order(view: View) -> tuple[Member, ...]:
    """The members by XXH3-128 of (view id, node, incarnation): the line of succession.

    Mixing in the view's id spreads the role of coordinator evenly over the members from view to view.
    """
    identity = view.id
    return tuple(
        sorted(view.members, key=lambda member: (fingerprint((identity, member.node, member.incarnation)), member.node))
    )


def coordinator(view: View) -> Member:
    """The first in ring order.

    Raises:
        ValueError: the view has no members.
    """
    if not view.members:
        raise ValueError("a view without members has no coordinator; expected at least one member")
    return ring_order(view)[0]


def rank(view: View, node: str) -> int | None:
    """A member's position in the line of succession, 0 for the coordinator; None for a stranger."""
    return _ranks(view).get(node)


@lru_cache(1 << 16)
def ring_position(member: Member, ring: int) -> int:
    """Where a member stands on a ring: XXH3-128 of (node, incarnation), seeded by the ring."""
    return fingerprint((member.node, member.incarnation), seed=ring)


def monitors(view: View, node: str, rings: int = RINGS) -> tuple[str, ...]:
    """The nodes that watch `node`: its predecessors on k rings, k = min(rings, members - 1).

    Made distinct by walking on, on each ring, to the next predecessor that was not chosen before. Empty for a stranger.
    """
    return _monitors(view, rings).get(node, ())


def subjects(view: View, node: str, rings: int = RINGS) -> tuple[str, ...]:
    """The nodes that `node` watches: exactly those that have it among their monitors, sorted."""
    return _subjects(view, rings).get(node, ())


@lru_cache(_CACHED_VIEWS)
def _by_node(view: View) -> dict[str, Member]:
    return {member.node: member for member in view.members}


@lru_cache(_CACHED_VIEWS)
def _by_endpoint(view: View) -> dict[Endpoint, Member]:
    return {member.endpoint: member for member in view.members}


@lru_cache(_CACHED_VIEWS)
def _ranks(view: View) -> dict[str, int]:
    return {member.node: position for position, member in enumerate(ring_order(view))}


@lru_cache(_CACHED_VIEWS)
def _monitors(view: View, rings: int) -> dict[str, tuple[str, ...]]:
    size = len(view.members)
    chosen: dict[str, list[str]] = {member.node: [] for member in view.members}
    for ring in range(min(rings, size - 1)):
        order = [m.node for m in sorted(view.members, key=lambda m: (ring_position(m, ring), m.node))]
        for position, node in enumerate(order):
            # Fewer than `size - 1` are chosen so far, so one of the others is always left.
            steps = (order[position - step] for step in range(1, size))
            chosen[node].append(next(other for other in steps if other not in chosen[node]))
    return {node: tuple(watchers) for node, watchers in chosen.items()}


@lru_cache(_CACHED_VIEWS)
def _subjects(view: View, rings: int) -> dict[str, tuple[str, ...]]:
    watched: dict[str, list[str]] = {member.node: [] for member in view.members}
    for node, watchers in sorted(_monitors(view, rings).items()):
        for watcher in watchers:
            watched[watcher].append(node)
    return {node: tuple(nodes) for node, nodes in watched.items()}


def founding_lineage(label: str, node: str, token: str) -> str:
    """The lineage that a bootstrap starts.

    Args:
        label: the cluster's label.
        node: the founder.
        token: anything that differs from bootstrap to bootstrap.
    """
    return f"{fingerprint((label, node, token)):032x}"


class ViewInstalled(Command):
    """Membership installed a view, or came back in one after a restart. The process is a member of it."""

    view: View


class ViewUnstable(Command):
    """A change of the view is under way, or one of its members is neither well nor surely dead."""

    view_id: ViewId


class ViewStable(Command):
    """No change of the view was under way for the settling time (raised by the view monitor)."""

    view_id: ViewId


class ViewUnsettled(Command):
    """The view was stable and is no longer (raised by the view monitor)."""

    view_id: ViewId


class Wedged(Command):
    """The process has not heard from a majority of its view: it must not act for the cluster.

    Attributes:
        missing: the node ids not heard from, sorted.
        needed: how many of them must come back.
    """

    missing: tuple[str, ...]
    needed: int


class Unwedged(Command):
    """A majority is within reach again."""


class Shunned(Command):
    """The process is no longer a member: stop acting at once."""

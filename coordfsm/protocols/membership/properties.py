"""What membership promises, as predicates over what each process installed, accepted and is.

`History` folds a process's notifications; it survives crashes and no machine sees it. `Observed` is the projection of
one process that the predicates need.
"""

from typing import Any

from msgspec.structs import replace

from coordfsm.kernel import Value, encode
from coordfsm.protocols.membership.data import VIEW_KEY, MembershipData, current_view
from coordfsm.protocols.membership.events import (
    CutAccepted,
    CutProposed,
    JoinAsked,
    JoinRefused,
    MemberLeaving,
    MemberLeft,
    MemberShunned,
    MemberUnwedged,
    ViewChanged,
    ViewRecovered,
)
from coordfsm.protocols.membership.messages import Ballot, Cut, MemberId
from coordfsm.protocols.view import View, ViewId, member_of

STATEMENTS = {
    "M1": "No two processes install different views with the same lineage and number.",
    "M2": "Every installed view was decided by a majority of its parent; installed views form one chain.",
    "M3": "The view numbers that a process installs in a lineage strictly increase, also across crash and recovery.",
    "M4": "A process acts as a member only in a view that contains its current incarnation.",
    "M5": "A joiner asked to join; a leaver left, or was condemned by its monitors.",
    "M6": "A removed incarnation is in no later view.",
    "M7": "In one view at most one cut is ever chosen; once it is chosen, every later proposal is the same.",
    "M8": "Who leaves within its patience goes when a majority of the next view has installed it.",
    "S3": "A process that can reach a member of a cluster with its label never founds another.",
    "ML1": "A member that stays crashed is eventually in no view of the live majority.",
    "ML2": "A live joiner with a live seed eventually is a member.",
    "ML3": "With no more faults, all live members eventually have the same view, and a shunned process rejoins.",
    "ML4": "A connected, responsive member is not removed because others are slow, lossy or partitioned.",
}

_FLAGS: dict[type[Value], str] = {
    MemberShunned: "shunned",
    MemberLeft: "left",
    MemberLeaving: "leaving",
    MemberUnwedged: "healed",
}

ACTING = frozenset({"member", "wedged", "leaving"})


class History(Value):
    """What properties remember of one process.

    Attributes:
        installed: the views it installed, in order.
        recovered: views that its store held when it restarted.
        shunned: it was excluded against its will at least once.
        healed: it was wedged and heard a majority again.
        left: it has left for good.
        refused: the reasons for which it was refused as a joiner.
        proposed: nodes that a ripe cut of its cut detector condemned.
        accepted: what it accepted in consensus.
        asked: the incarnations under which it asked to join.
        leaving: it asked to leave at least once.
    """

    installed: tuple[View, ...] = ()
    recovered: tuple[View, ...] = ()
    shunned: bool = False
    healed: bool = False
    left: bool = False
    refused: frozenset[str] = frozenset()
    proposed: frozenset[str] = frozenset()
    accepted: tuple[CutAccepted, ...] = ()
    asked: frozenset[int] = frozenset()
    leaving: bool = False


def _with(items: tuple[Any, ...], item: Value) -> tuple[Any, ...]:
    """A set of values in canonical order."""
    return items if item in items else tuple(sorted((*items, item), key=encode))


def remember(history: History, event: Value) -> History:
    """Fold one notification into the history."""
    changes: dict[str, Any] = {}
    if isinstance(event, ViewChanged):
        changes = {"installed": (*history.installed, event.view)}
    elif isinstance(event, ViewRecovered):
        changes = {"recovered": _with(history.recovered, event.view)}
    elif isinstance(event, CutAccepted):
        changes = {"accepted": _with(history.accepted, event)}
    elif isinstance(event, CutProposed):
        changes = {"proposed": history.proposed | {removed.node for removed in event.cut.condemned}}
    elif isinstance(event, JoinAsked):
        changes = {"asked": history.asked | {event.incarnation}}
    elif isinstance(event, JoinRefused):
        changes = {"refused": history.refused | {event.reason}}
    elif type(event) in _FLAGS:
        changes = {_FLAGS[type(event)]: True}
    return replace(history, **changes) if changes else history


class Observed(Value):
    """One process as the properties see it.

    Attributes:
        node: its id; empty while it is down.
        lifecycle: the state of its lifecycle; empty while it is down.
        incarnation: the current one.
        view: the view it acts in, None if it acts in none.
        stored: the view in its store.
        history: what happened to it.
    """

    node: str
    lifecycle: str
    incarnation: int
    view: View | None
    stored: View | None
    history: History


Observations = tuple[Observed, ...]


def observe(local: Any) -> Observed:
    """Project the checker's local state of a node that runs membership."""
    stored = next((record.value for record in local.durable if record.key == VIEW_KEY), None)
    held = stored if isinstance(stored, View) else None
    data: MembershipData | None = local.data
    if data is None:
        return Observed("", "", 0, None, held, local.history)
    lifecycle = data.lifecycle
    return Observed(data.node, lifecycle.state, lifecycle.incarnation, current_view(data), held, local.history)


def known_views(observed: Observations) -> set[View]:
    """Every view that some process installed or stored."""
    views = {view for process in observed for view in (*process.history.installed, *process.history.recovered)}
    return views | {process.stored for process in observed if process.stored is not None}


def agreement(observed: Observations) -> bool:
    """M1."""
    views = known_views(observed)
    return len({(view.lineage, view.number) for view in views}) == len(views)


def includes(view: View, node: str, incarnation: int) -> bool:
    """Whether a view has a node in this incarnation: said here again, as `is_quorum`."""
    return any((member.node, member.incarnation) == (node, incarnation) for member in view.members)


def follows(view: View, parent: View, cut: Cut) -> bool:
    """Whether a view is what a decided cut makes of its parent: those that go are gone, those that come are in.

    Compared by what must be true of it, and not made anew, so that no machine can say what it is held to.
    """
    gone = {(removed.node, removed.incarnation) for removed in (*cut.condemned, *cut.leaving)}
    stays = {member for member in parent.members if (member.node, member.incarnation) not in gone}
    return (
        (view.lineage, view.number, view.parent) == (parent.lineage, parent.number + 1, parent.id)
        and set(view.members) == stays | set(cut.joining)
        and len(view.members) == len({member.node for member in view.members})
    )


def monotonic(observed: Observations) -> bool:
    """M3."""
    for process in observed:
        highest: dict[str, int] = {}
        for view in process.history.installed:
            if view.number <= highest.get(view.lineage, 0):
                return False
            highest[view.lineage] = view.number
    return True


def self_inclusion(observed: Observations) -> bool:
    """M4, for processes with a lifecycle."""
    for process in observed:
        if process.lifecycle not in ACTING or process.view is None:
            continue
        if not includes(process.view, process.node, process.incarnation):
            return False
    return True


def no_return(observed: Observations) -> bool:
    """M6."""
    by_number: dict[str, list[View]] = {}
    for view in sorted(known_views(observed), key=lambda view: view.number):
        by_number.setdefault(view.lineage, []).append(view)
    for views in by_number.values():
        removed: set[MemberId] = set()
        before: set[MemberId] = set()
        for view in views:
            present = {MemberId(member.node, member.incarnation) for member in view.members}
            removed |= before - present
            if present & removed:
                return False
            before = present
    return True


def validity(names: tuple[str, ...], observed: Observations) -> bool:
    """M5: whoever came had asked, and whoever went had asked or was condemned; `names` are the processes in order."""
    histories = {name: process.history for name, process in zip(names, observed, strict=True)}
    condemned = {node for process in observed for node in process.history.proposed}
    views = {view.id: view for view in known_views(observed)}
    for view in views.values():
        parent = views.get(view.parent)
        if parent is None or parent.lineage != view.lineage:
            continue
        for member in set(view.members) - set(parent.members):
            if member.incarnation not in histories[member.node].asked:
                return False
        for member in set(parent.members) - set(view.members):
            history = histories[member.node]
            anew = any(incarnation > member.incarnation for incarnation in history.asked)
            if not (history.leaving or anew or member.node in condemned):
                return False
    return True


# -- consensus ---------------------------------------------------------------------------------------------------


def acceptances(observed: Observations) -> dict[tuple[ViewId, Ballot, Cut], int]:
    """How many processes accepted a cut at a ballot of a view, at whatever times."""
    counts: dict[tuple[ViewId, Ballot, Cut], int] = {}
    for process in observed:
        for accepted in process.history.accepted:
            key = (accepted.view_id, accepted.ballot, accepted.cut)
            counts[key] = counts.get(key, 0) + 1
    return counts


def is_quorum(count: int, view: View) -> bool:
    """More than half of a view's members: said here again, so that no machine can say what it is held to."""
    return 2 * count > len(view.members)


def single_value(observed: Observations, founders: frozenset[View] = frozenset()) -> bool:
    """M7. A process accepts only in views that contain it, so that acceptances are votes of members."""
    counts = acceptances(observed)
    if len({cut for _, _, cut in counts}) < 2:
        return True
    views = {view.id: view for view in known_views(observed) | founders}
    for (view_id, ballot, cut), count in counts.items():
        if view_id in views and not is_quorum(count, views[view_id]):
            continue
        if any(other == view_id and later >= ballot and differs != cut for other, later, differs in counts):
            return False
    return True


def lineage(observed: Observations, founders: frozenset[View] = frozenset()) -> bool:
    """M2: of every installed view, the parent is known and chose it. A sole member decides without a ballot."""
    views = known_views(observed) - founders
    if not views:
        return True
    by_id = {view.id: view for view in views | founders}
    counts = acceptances(observed)
    for view in views:
        parent = by_id.get(view.parent)
        if parent is None:
            return False
        if len(parent.members) > 1 and not any(
            view_id == parent.id and is_quorum(count, parent) and follows(view, parent, cut)
            for (view_id, _, cut), count in counts.items()
        ):
            return False
    return True


def handed_over(observed: Observations) -> bool:
    """M8: what the last view of a process that left decided is with more than half of the members of the next view."""
    gone = [process for process in observed if process.history.left]
    if not gone:
        return True
    counts = acceptances(observed)
    for process in gone:
        last = max(_views_of(process), key=lambda view: view.number, default=None)
        if last is None:
            continue
        chosen = {cut for (view_id, _, cut), count in counts.items() if view_id == last.id and is_quorum(count, last)}
        if not all(_is_with_majority(last, cut, observed) for cut in chosen):
            return False
    return True


def _is_with_majority(view: View, cut: Cut, observed: Observations) -> bool:
    """Whether more than half of those that the next view has reached it, or a later one."""
    gone = {removed.node for removed in (*cut.condemned, *cut.leaving)}
    stays = {member.node for member in view.members} - gone
    members = len(stays | {joiner.node for joiner in cut.joining})
    return 2 * sum(_has_reached(other, view.lineage, view.number + 1) for other in observed) > members


def _views_of(process: Observed) -> set[View]:
    stored = set() if process.stored is None else {process.stored}
    return {*process.history.installed, *process.history.recovered, *stored}


def _has_reached(process: Observed, lineage: str, number: int) -> bool:
    return any(held.lineage == lineage and held.number >= number for held in _views_of(process))


# -- liveness ----------------------------------------------------------------------------------------------------


def converged(observed: Observations) -> bool:
    """ML3: all that are members act in the same view, which has exactly them."""
    acting = [process for process in observed if process.lifecycle in ("member", "wedged")]
    views = {process.view for process in acting}
    if not acting or len(views) != 1:
        return False
    (view,) = views
    return view is not None and {member.node for member in view.members} == {process.node for process in acting}


def is_admitted(observed: Observations, node: str) -> bool:
    """ML2: the process is a member of the view it acts in."""
    return any(
        process.node == node and process.lifecycle == "member" and process.view is not None for process in observed
    )


def is_excluded(observed: Observations, node: str) -> bool:
    """ML1: the node is in no view in which somebody acts."""
    return all(process.view is None or member_of(process.view, node) is None for process in observed)

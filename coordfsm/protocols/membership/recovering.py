"""Guards and actions of the view change when a process comes back: what the store says of its view.

The record that ends a membership is looked at before the one that holds the view (decision 0108).
"""

from msgspec.structs import replace

from coordfsm.kernel import Effect, Notify, Raise, Recover, SetTimer, Timer
from coordfsm.protocols.membership.chain import next_view
from coordfsm.protocols.membership.data import (
    ACCEPTOR_KEY,
    CHAIN_PREFIX,
    EXCLUDED_KEY,
    VIEW_KEY,
    AcceptorRecord,
    MembershipData,
    ViewChangeData,
)
from coordfsm.protocols.membership.events import CutAccepted, Excluded, ViewRecovered
from coordfsm.protocols.membership.messages import Decision
from coordfsm.protocols.membership.view_change.handover import retiring_sends
from coordfsm.protocols.view import View, ViewInstalled

Done = tuple[ViewChangeData, tuple[Effect, ...]]


def _told_out(given: Recover) -> View | None:
    """The view that is without this process, if the store says that it was told of one."""
    excluded = next((record.value for record in given.records if record.key == EXCLUDED_KEY), None)
    return excluded if isinstance(excluded, View) else None


def _recovered(given: Recover) -> tuple[View | None, AcceptorRecord | None, tuple[Decision, ...]]:
    records = {record.key: record.value for record in given.records}
    view, acceptor = records.get(VIEW_KEY), records.get(ACCEPTOR_KEY)
    links = [records[key] for key in sorted(records) if key.startswith(CHAIN_PREFIX)]
    return (
        view if isinstance(view, View) else None,
        acceptor if isinstance(acceptor, AcceptorRecord) else None,
        tuple(link for link in links if isinstance(link, Decision)),
    )


def was_member(data: ViewChangeData, given: Recover, context: MembershipData) -> bool:
    """The store holds a view, and nothing that says that this process is out of it."""
    view, _, chain = _recovered(given)
    return view is not None and _told_out(given) is None and not (chain and chain[-1].number == view.number)


def was_excluded(data: ViewChangeData, given: Recover, context: MembershipData) -> bool:
    """The store holds a view, and what says that this process is out of it: the decision, or a later view."""
    return _recovered(given)[0] is not None


def resume(data: ViewChangeData, given: Recover, context: MembershipData) -> Done:
    """Come back as the same member, bound by what was promised and accepted."""
    view, acceptor, chain = _recovered(given)
    assert view is not None
    data = ViewChangeData(state=data.state, view=view, chain=chain)
    effects: tuple[Effect, ...] = (Notify(ViewRecovered(view)), Raise(ViewInstalled(view)))
    if acceptor is not None and acceptor.view_id == view.id:
        data = replace(data, promised=acceptor.promised, accepted=acceptor.accepted)
        if acceptor.accepted is not None:
            # Perhaps this process was the proposer, and nobody else knows of the proposal.
            bound = Notify(CutAccepted(view.id, acceptor.accepted.ballot, acceptor.accepted.cut))
            effects = (bound, *effects, SetTimer(Timer("takeover"), context.settings.takeover_ms))
    return data, effects


def resume_outside(data: ViewChangeData, given: Recover, context: MembershipData) -> Done:
    """Come back as the former member that one is, still able to say what was decided."""
    view, _, chain = _recovered(given)
    assert view is not None
    told = _told_out(given)
    following = next_view(view, chain[-1].cut) if told is None else told
    gone = ViewChangeData(state=data.state, view=view, chain=chain, excluded=told)
    return gone, (Raise(Excluded(following)),)


def resume_retiring(data: ViewChangeData, given: Recover, context: MembershipData) -> Done:
    """Come back as a leaver that is out already, and go on handing over."""
    data, effects = resume_outside(data, given, context)
    return data, (*effects, *retiring_sends(data, context))

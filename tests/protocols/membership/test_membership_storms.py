"""Random faults in virtual time: safety always, and once the faults stop, everybody ends in one view."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coordfsm.kernel import fingerprint
from coordfsm.protocols.membership.data import VIEW_KEY
from coordfsm.protocols.membership.events import CutAccepted, Leave, ViewChanged, ViewRecovered
from coordfsm.protocols.membership.properties import (
    History,
    Observed,
    agreement,
    lineage,
    monotonic,
    no_return,
    remember,
    self_inclusion,
    single_value,
)
from tests.protocols.membership.membership_cluster import FAST, Cluster

NAMES = tuple("abcdefghijkl")
# Patient leavers: one that goes unheard is as good as crashed, and enough of them leave no majority.
SETTINGS = replace(FAST, longest_ms=2000, leave_attempts=1000)

faults = st.lists(
    st.tuples(
        st.sampled_from(("crash", "restart", "split", "heal", "lossy", "leave")),
        st.integers(0, 11),
        st.integers(100, 8_000),
    ),
    max_size=12,
)


def observed(cluster, names):
    for name in names:
        history = History()
        for event in cluster.events[name]:
            if isinstance(event, ViewChanged | ViewRecovered | CutAccepted):
                history = remember(history, event)
        stored = next((record.value for record in cluster.durable[name] if record.key == VIEW_KEY), None)
        data = cluster.data.get(name)
        if data is None:
            yield Observed("", "", 0, None, stored, history)
        else:
            held = data.view_change
            view = None if held.state in ("outside", "retiring") else held.view
            yield Observed(name, data.lifecycle.state, data.lifecycle.incarnation, view, stored, history)


def assert_safe(cluster, names):
    seen = tuple(observed(cluster, names))
    founders = frozenset(view for process in seen for view in process.history.installed if not view.parent)
    assert agreement(seen)
    assert lineage(seen, founders)
    assert monotonic(seen)
    assert self_inclusion(seen)
    assert no_return(seen)
    assert single_value(seen, founders)


def strike(cluster, names, kind, pick):
    name = names[pick % len(names)]
    if kind == "crash" and name in cluster.data:
        cluster.crash(name)
    elif kind == "restart" and name not in cluster.data:
        cluster.start(name)
    elif kind == "split":
        cluster.split(
            [n for n in names if fingerprint((n, pick)) % 3], [n for n in names if not fingerprint((n, pick)) % 3]
        )
    elif kind == "lossy":
        cluster.loss = lambda sender, receiver: 0.5 if name in (sender, receiver) else 0.05
    elif kind == "leave" and name in cluster.data:
        cluster.give(name, Leave())
    elif kind == "heal":
        cluster.heal()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(size=st.integers(5, 7), storm=faults, seed=st.integers(0, 1000))
def test_safety_in_the_storm_and_one_view_after_it(size, storm, seed):
    names = NAMES[:size]
    cluster = Cluster(SETTINGS, seed=seed).found(*names)
    for kind, pick, for_ms in storm:
        strike(cluster, names, kind, pick)
        cluster.run(for_ms)
        assert_safe(cluster, names)
    cluster.heal()
    for name in names:
        if name not in cluster.data:
            cluster.start(name)

    def calm():
        staying = [name for name in names if cluster.state(name) not in ("left", "detached")]
        return not staying or cluster.agree(staying)

    cluster.run_until(calm, 400_000)
    assert_safe(cluster, names)

"""State diagrams: what is drawn, in what words, and that Graphviz takes it."""

from kernel.samples import WORKER
from statemachine import State

from coordfsm.kernel import Machine, compile_machine
from coordfsm.render.catalogue import drawables
from coordfsm.render.dot import broken, to_dot
from coordfsm.render.mermaid import to_mermaid
from coordfsm.render.overview import overview_of
from coordfsm.render.picture import draw
from coordfsm.render.state_diagram import Arrow, Box, Group, Label, diagram_of


def box(name, *labels, initial=False, final=False):
    return Box(name, initial, final, labels)


def test_the_picture_of_a_machine_with_everything():
    diagram = diagram_of(WORKER)
    answer = Label(("recv_ping",), (), "answer")
    assert diagram.name == "Worker"
    assert diagram.summary == "Works lightly or heavily, and rests after a while."
    assert diagram.groups == (Group("busy", ("light", "heavy"), ("light", "heavy"), ()),)
    assert diagram.boxes == (
        box("idle", Label(("local_stop",), (), ""), Label(("recv_ping",), ("is_known",), "answer"), initial=True),
        box("light", answer),
        box("heavy", answer),
    )
    assert diagram.arrows == (
        Arrow("idle", "light", (Label(("local_work",), ("not is_heavy",), "begin"),)),
        Arrow("light", "heavy", (Label(("local_work",), ("is_heavy",), "begin"),)),
        Arrow("busy", "idle", (Label(("timeout_rest", "local_stop"), (), ""),)),
    )


def test_the_overview_has_only_what_changes_the_state_in_few_words():
    overview = overview_of(WORKER)
    assert overview.boxes == (box("idle", initial=True), box("light"), box("heavy"))
    assert overview.groups == diagram_of(WORKER).groups
    assert overview.arrows == (
        Arrow("idle", "light", (Label(("local_work",), (), ""),)),
        Arrow("light", "heavy", (Label(("local_work",), (), ""),)),
        Arrow("busy", "idle", (Label(("timeout_rest",), (), ""), Label(("local_stop",), (), ""))),
    )
    assert overview.legend == ""


def test_an_overview_tells_the_actions_of_many_events_and_dashes_what_only_a_restart_does():
    def act(data, given):
        return data, ()

    class Busy(Machine):
        first = State(initial=True)
        second = State(final=True)
        third = State(final=True)

        recv_a = first.to(second, on=act)
        recv_b = first.to(second, on=act)
        recv_c = first.to(second, on=act)
        recv_d = first.to(second, on=act)
        recv_e = first.to(second, on=act)
        local_recover = first.to(third)
        ignored = {("*", f"recv_{letter}"): "late" for letter in "abcde"} | {("*", "local_recover"): "once"}

    overview = overview_of(compile_machine(Busy))
    assert overview.arrows == (
        Arrow("first", "second", (Label((), (), "act"),)),
        Arrow("first", "third", (), dashed=True),
    )
    assert overview.legend.startswith("Dashed: after a restart")
    assert '"first" -> "third" [style=dashed]' in to_dot(overview)
    assert "first --> third : after a restart" in to_mermaid(overview)


def test_mermaid_text():
    assert to_mermaid(diagram_of(WORKER)) == (
        "---\ntitle: Worker\n---\nstateDiagram-v2\n"
        "  state busy {\n    state light\n    state heavy\n  }\n"
        "  state idle\n"
        "  [*] --> idle\n"
        "  idle --> light : local_work [not is_heavy] / begin\n"
        "  light --> heavy : local_work [is_heavy] / begin\n"
        "  busy --> idle : timeout_rest, local_stop\n"
        "  note right of idle\n    local_stop\n    recv_ping [is_known] / answer\n  end note\n"
        "  note right of light\n    recv_ping / answer\n  end note\n"
        "  note right of heavy\n    recv_ping / answer\n  end note\n"
    )


def test_compound_states_within_compound_states():
    class Nested(Machine):
        class outer(State.Compound):  # noqa: N801  (a state's id)
            class inner(State.Compound):  # noqa: N801  (a state's id)
                first = State(initial=True)
                second = State()
                local_next = first.to(second)

            third = State()
            local_skip = inner.to(third)

        done = State(final=True)
        local_end = outer.to(done)
        ignored = {("*", event): "done" for event in ("local_next", "local_skip", "local_end")}

    diagram = diagram_of(compile_machine(Nested))
    inner = Group("inner", ("first", "second"), ("first", "second"), ())
    assert diagram.groups == (Group("outer", ("third", "first", "second"), ("third",), (inner,)),)
    ends = {(arrow.source, arrow.target) for arrow in diagram.arrows}
    assert ends == {("first", "second"), ("inner", "third"), ("outer", "done")}
    assert [item.id for item in diagram.boxes if item.final] == ["done"]
    assert "done --> [*]" in to_mermaid(diagram)
    svg = draw(to_dot(diagram), "svg").decode()
    assert svg.count("in any state") == 2


def test_every_transition_of_every_machine_is_in_its_picture():
    for item in drawables():
        diagram = diagram_of(item.table)
        places = {(held.id, held.id): held.labels for held in diagram.boxes}
        places |= {(arrow.source, arrow.target): arrow.labels for arrow in diagram.arrows}
        around = {leaf: group.id for group in diagram.all_groups() for leaf in group.leaves}
        for rule in (rule for group in item.table.rules.values() for rule in group):
            sources = (rule.source, around.get(rule.source, ""))
            labels = [label for source in sources for label in places.get((source, rule.target), ())]
            assert any(
                rule.event in label.events
                and rule.action_name == label.action
                and label.guards in (rule.guard_names, ("else",))
                for label in labels
            ), rule.name
        assert to_dot(diagram) == to_dot(diagram_of(item.table))


def test_graphviz_draws_it():
    svg = draw(to_dot(diagram_of(WORKER)), "svg")
    assert svg.count(b"<svg") == 1
    for state in WORKER.states:
        assert f">{state}<".encode() in svg
    assert draw(to_dot(diagram_of(WORKER)), "png").startswith(b"\x89PNG")


def test_labels_are_broken_between_words():
    label = Label(("recv_a", "recv_b"), ("is_one", "is_two"), "act")
    assert str(label) == "recv_a, recv_b [is_one and is_two] / act"
    rows = [[word for _, word in row] for row in broken(label, 15)]
    assert rows == [["recv_a,", "recv_b"], ["[is_one"], ["and is_two]"], ["/ act"]]

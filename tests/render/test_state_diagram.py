"""State diagrams: what is drawn, in what words, and that Graphviz takes it."""

from kernel.samples import WORKER

from coordfsm.render.catalogue import drawables
from coordfsm.render.picture import draw
from coordfsm.render.state_diagram import Arrow, Box, Group, diagram_of, to_dot, to_mermaid, wrapped


def test_the_picture_of_a_machine_with_everything():
    diagram = diagram_of(WORKER)
    assert diagram.name == "Worker"
    assert diagram.groups == (Group("busy", ("light", "heavy")),)
    assert diagram.boxes == (
        Box("idle", True, False, ("local_stop", "recv_ping [is_known] / answer")),
        Box("light", False, False, ("recv_ping / answer",)),
        Box("heavy", False, False, ("recv_ping / answer",)),
    )
    assert diagram.arrows == (
        Arrow("idle", "light", ("local_work [not is_heavy] / begin",)),
        Arrow("light", "heavy", ("local_work [is_heavy] / begin",)),
        Arrow("busy", "idle", ("timeout_rest, local_stop",)),
    )


def test_mermaid_text():
    assert to_mermaid(diagram_of(WORKER)) == (
        "---\ntitle: Worker\n---\nstateDiagram-v2\n"
        "  state busy {\n    state light\n    state heavy\n  }\n"
        "  [*] --> idle\n"
        "  idle --> light : local_work [not is_heavy] / begin\n"
        "  light --> heavy : local_work [is_heavy] / begin\n"
        "  busy --> idle : timeout_rest, local_stop\n"
        "  note right of idle\n    local_stop\n    recv_ping [is_known] / answer\n  end note\n"
        "  note right of light\n    recv_ping / answer\n  end note\n"
        "  note right of heavy\n    recv_ping / answer\n  end note\n"
    )


def test_every_transition_of_every_machine_is_in_its_picture():
    for item in drawables():
        dot = to_dot(diagram_of(item.table))
        for group in item.table.rules.values():
            for rule in group:
                assert rule.event in dot
                assert rule.action_name in dot
        assert dot == to_dot(diagram_of(item.table))


def test_graphviz_draws_it():
    svg = draw(to_dot(diagram_of(WORKER)), "svg")
    assert svg.count(b"<svg") == 1
    for state in WORKER.states:
        assert f">{state}<".encode() in svg
    assert draw(to_dot(diagram_of(WORKER)), "png").startswith(b"\x89PNG")


def test_long_lines_are_broken_between_words_and_endless_words_within():
    assert wrapped("one two three four", 9) == ["one two", "   three", "   four"]
    assert wrapped("x" * 20, 8) == ["x" * 8, "   " + "x" * 8, "   xxxx"]

"""Any model that ships, with one thing that it says made wrong: refused when it is made, by name."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordfsm.check.exploration.reference import explore
from coordfsm.check.exploration.report import Limits
from coordfsm.check.modelling.model import Faults, Model, Multiset, Ordered, Partition
from coordfsm.check.modelling.registry import catalogue, find
from coordfsm.cli.main import main
from coordfsm.kernel import ModelError
from tests.check.modelling.models_in_files import COUNTER

MODELS = tuple(entry.build() for entry in catalogue())


def node(model: Model, **changes):
    return replace(model, nodes=(replace(model.nodes[0], **changes), *model.nodes[1:]))


def item(model: Model, **changes):
    return replace(model, properties=(replace(model.properties[0], **changes), *model.properties[1:]))


BROKEN = {
    "nodes have the same name": lambda model: replace(model, nodes=(*model.nodes, model.nodes[0])),
    "the name of a node": lambda model: node(model, name=""),
    "step takes": lambda model: node(model, step=lambda _data: None),
    "commands is": lambda model: node(model, commands=()),
    "final takes": lambda model: node(model, final=lambda: True),
    "rules is": lambda model: node(model, rules=["a"]),
    "boots is": lambda model: node(model, boots=1),
    "properties have the same id": lambda model: replace(model, properties=(*model.properties, model.properties[0])),
    "expected one of invariant": lambda model: item(model, kind="invariants"),
    "a trigger goes with": lambda model: item(model, kind="invariant", trigger=lambda _seen: True),
    "predicate takes": lambda model: item(model, predicate=lambda: True),
    "observe is": lambda model: item(model, observe="data"),
    "messages is": lambda model: item(model, messages=None),
    "reports under this id": lambda model: item(model, id="deadlock"),
    "budgets: 'local_': no node has": lambda model: replace(
        model,
        nodes=tuple(replace(one, rules=("M: a --local_b--> c",)) for one in model.nodes),
        budgets={"local_": 1},
    ),
    "budgets: 'crash' is not an event": lambda model: replace(model, budgets={"crash": 3}),
    "budgets: 'loss' is not an event": lambda model: replace(model, budgets={"loss": 3}),
    "budgets: 'recv_vote' is not a command": lambda model: replace(model, budgets={"recv_vote": 3}),
    "expected a whole number of at least 0": lambda model: replace(
        model,
        nodes=tuple(replace(one, rules=(), reads=()) for one in model.nodes),
        budgets={"timeout_vote": 1.0},
    ),
    "faults: crash is -1": lambda model: replace(model, faults=Faults(crash=-1)),
    "faults: crash is True": lambda model: replace(model, faults=Faults(crash=True)),
    "crashable names 'nobody'": lambda model: replace(model, faults=Faults(crash=1, crashable=("nobody",))),
    "links names 'nobody'": lambda model: replace(
        model,
        faults=Faults(partitions=(Partition("cut", frozenset({(model.nodes[0].name, "nobody")})),), partition=1),
    ),
    "faults: wipe is -1": lambda model: replace(model, faults=Faults(crash=1, wipe=-1)),
    "faults: rollback is 1, but": lambda model: replace(model, faults=Faults(rollback=1)),
    "faults: stores names 'nobody'": lambda model: replace(model, faults=Faults(crash=1, wipe=1, stores=("nobody",))),
    "faults: clone is 1, but": lambda model: replace(model, faults=Faults(clone=1)),
    "clone_of names 'nobody'": lambda model: replace(
        model, nodes=(*model.nodes, replace(model.nodes[0], name="second", clone_of="nobody"))
    ),
    "names none that could happen": lambda model: replace(model, faults=Faults(partition=1)),
    "network: loss is -1": lambda model: replace(model, network=Multiset(loss=-1)),
    "network: copies is 0": lambda model: replace(model, network=Multiset(copies=0)),
    "network: capacity is 0": lambda model: replace(model, network=Ordered(capacity=0)),
    "network is": lambda model: replace(model, network=Ordered),
    "symmetric names 'nobody'": lambda model: replace(model, symmetric=(("nobody",),)),
    "is named twice": lambda model: replace(model, symmetric=((model.nodes[0].name,),) * 2),
    "boundary takes": lambda model: replace(model, boundary=lambda: True),
    "deadlock is": lambda model: replace(model, deadlock="yes"),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MODELS), st.sampled_from(sorted(BROKEN)))
def test_what_a_model_says_wrongly_is_named(model, expected):
    with pytest.raises(ModelError) as refused:
        BROKEN[expected](model)
    assert str(refused.value).startswith(f"{model.name}: ")
    assert expected in str(refused.value)


def test_a_misspelt_word_is_answered_with_the_nearest():
    model = find("migration").build()
    with pytest.raises(ModelError, match=r"no node has such an event \(did you mean local_migrate\?\)"):
        replace(model, budgets={"local_migrat": 1})
    with pytest.raises(ModelError, match=r"expected one of .* \(did you mean eventually\?\)"):
        item(model, kind="eventualy")
    with pytest.raises(ModelError, match=r"Faults\(crash="):
        replace(model, budgets={"crash": 3})


def test_a_report_is_no_truth_value():
    report = explore(find("pingpong").build(), Limits(max_states=10))
    assert report.holds == (report.verdict == "holds")
    with pytest.raises(TypeError, match=r"report\.holds"):
        assert report


@pytest.mark.parametrize(
    ("edit", "line", "text"),
    [
        (("node = Node(", "wrong = limit // 0\n    node = Node("), "wrong = limit // 0", "ZeroDivisionError: "),
        (("TABLE = ", "raise SystemExit(0)\nTABLE = "), "raise SystemExit(0)", "SystemExit: 0"),
        (("return Model(", "exit(0)\n    return Model("), "exit(0)", "SystemExit: 0"),
        (("class Tick(", "class Tick Command("), "class Tick Command(Command):", "SyntaxError: "),
        (("lambda seen: seen[0] < limit", "lambda seen: seen.small"), "seen.small", "AttributeError: "),
    ],
)  # fmt: skip
def test_an_error_in_a_models_file_is_told_with_its_line(tmp_path, capsys, edit, line, text):
    path = tmp_path / "mine.py"
    path.write_text(COUNTER.replace(*edit))
    code = main(["verify", str(path), "--engine", "reference", "--output", str(tmp_path)])
    told = capsys.readouterr()
    whole = " ".join((told.out + told.err).split())
    number = next(at for at, found in enumerate(path.read_text().splitlines(), 1) if line in found)
    assert (code, "Traceback" in whole) == (2, False)
    assert text in whole
    assert f"line {number}: " in whole
    assert line in whole

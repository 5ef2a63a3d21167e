"""A node's trace: stepped again, bounded, torn by a kill; and spoiled on purpose, line by line."""

import asyncio
import json
import logging
import os
from pathlib import Path

import pytest

from coordfsm.cli.main import main
from coordfsm_runtime.admin.status import status_of
from coordfsm_runtime.config import NodeConfig
from coordfsm_runtime.lab.processes import free_endpoints
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.traces.audit import audit_traces
from coordfsm_runtime.traces.restep import read_node_trace, restep_trace
from coordfsm_runtime.traces.trace import older

MACHINES = {
    "membership": {"probe_ms": 100, "probe_timeout_ms": 100, "rebuttal_ms": 100},
    "coordination": {"stability_ms": 50, "cooldown_ms": 50},
}


async def live(directory: Path, bound: int = 0, moves: int = 4) -> None:
    """Two nodes; both host a bubble, and an entity goes to and fro."""
    listens = free_endpoints(2)
    nodes = [
        ClusterNode(
            NodeConfig(
                name=name,
                data=directory / name,
                listen=listen,
                seeds=tuple(other for other in listens if other != listen),
                bootstrap=name == "n1",
                new_cluster=True,
                trace=directory / f"{name}.jsonl",
                trace_max_bytes=bound,
                machines=MACHINES,
            )
        )
        for name, listen in zip(("n1", "n2"), listens, strict=True)
    ]
    async with asyncio.timeout(60):
        for node in nodes:
            await node.start()
        for node in nodes:
            await node.wait_until(lambda node=node: node.view is not None and len(node.view.members) == 2)
            await node.register(f"bubble-{node.config.name}")
        while not all(status_of(node)["stable"] for node in nodes):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        here, there = nodes
        await here.create("ship", b"hull")
        for _ in range(moves):
            # On a busy machine a view may look unstable for a moment.
            while (await here.migrate("ship", there.config.name)).outcome != "COMMITTED":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await there.wait_until(lambda there=there: there.data.migration.entities["ship"].state == "owned")
            here, there = there, here
        for node in nodes:
            await node.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> dict[str, list[dict]]:
    """The lines of two real traces."""
    directory = tmp_path_factory.mktemp("recorded")
    asyncio.run(live(directory))
    texts = {name: (directory / f"{name}.jsonl").read_text() for name in ("n1", "n2")}
    return {name: [json.loads(line) for line in text.splitlines()] for name, text in texts.items()}


def written(directory: Path, traces: dict[str, list[dict]]) -> list[Path]:
    paths = []
    for name, lines in traces.items():
        paths.append(directory / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return paths


def command(capsys, *arguments: object) -> tuple[int, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out + err


def test_a_recorded_trace_is_repeated(tmp_path, recorded, capsys):
    paths = written(tmp_path, recorded)
    for path in paths:
        code, printed = command(capsys, "replay", path)
        assert (code, "1 run stepped again, all effects are as recorded" in printed) == (0, True), printed
    code, printed = command(capsys, "replay", paths[0], "--steps")
    assert "Recover" in printed
    assert "-> Send MigrationPrepare to 127.0.0.1:" in printed
    assert audit_traces(paths).findings == ()


def test_the_first_line_that_differs_is_named_with_what_was_expected_and_what_came(tmp_path, recorded, capsys):
    spoiled = json.loads(json.dumps(recorded["n1"]))
    place, line = next((place, line) for place, line in enumerate(spoiled) if kinds(line, "SetTimer"))
    effect = next(effect for effect in line["effects"] if effect["type"] == "SetTimer")
    was = effect["after_ms"]
    effect["after_ms"] = was + 1
    (path,) = written(tmp_path, {"n1": spoiled})
    code, printed = command(capsys, "replay", path)
    assert code == 1
    assert f"{path}:{place + 1}: step {line['step']} of n1" in printed
    assert f'"after_ms": {was + 1}' in printed.split("expected")[1].split("\n")[0]
    assert f'"after_ms": {was}' in printed.split("got")[1].split("\n")[0]
    code, printed = command(capsys, "replay", path, "--json")
    (found,) = json.loads(printed)["differences"]
    assert (code, found["line"], found["expected"]["after_ms"], found["got"]["after_ms"]) == (
        1,
        place + 1,
        was + 1,
        was,
    )


def kinds(line: dict, kind: str) -> bool:
    return any(effect["type"] == kind for effect in line.get("effects", ()))


def test_another_input_or_a_missing_or_surplus_effect_is_a_difference(tmp_path, recorded):
    lines = recorded["n2"]
    last = next(place for place in range(len(lines) - 1, 0, -1) if lines[place]["effects"])
    surplus = {"type": "Send", "to": "x:1", "message": {"type": "Probe"}}
    for spoil in (
        lambda copy: copy[last].update(effects=[]),
        lambda copy: copy[last]["effects"].append(surplus),
        lambda copy: copy[last].update(effects_hash="0" * 32),
        lambda copy: copy.pop(2),  # it never asked to join
    ):
        copy = json.loads(json.dumps(lines))
        spoil(copy)
        (path,) = written(tmp_path, {"n2": copy})
        (found,) = restep_trace(read_node_trace(path)).differences
        assert found.expected != found.got


def test_a_line_that_a_kill_tore_is_passed_over_and_reported(tmp_path, recorded, capsys):
    paths = written(tmp_path, recorded)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-30])
    torn = f"{paths[0]}:{len(recorded['n1'])}"
    code, printed = command(capsys, "replay", paths[0])
    assert (code, f"torn: {torn}" in printed) == (0, True)
    assert audit_traces(paths).torn == (torn,)
    code, printed = command(capsys, "audit", *paths)
    assert (code, f"torn      {torn}" in printed) == (0, True)
    paths[0].write_bytes(whole[:-30] + b"\n" + whole.splitlines(keepends=True)[-1])
    code, printed = command(capsys, "replay", paths[0])
    assert (code, "not a line of a trace" in printed) == (2, True)


def test_what_is_no_trace_of_a_node_is_refused_with_the_reason(tmp_path, recorded, capsys):
    (path,) = written(tmp_path, {"n1": recorded["n1"]})
    assert command(capsys, "replay", path, "--model", "node")[0] == 2
    header = recorded["n1"][0]
    for spoiled, expected in (
        (header | {"trace": 99}, "trace format 99, expected 1"),
        (header | {"after": 7}, "without the data of that moment"),
        (header | {"after": 7, "data": "AAAA"}, "data cannot be read"),
        (header | {"settings": {}}, "settings cannot be read"),
    ):
        (path,) = written(tmp_path, {"n1": [spoiled, *recorded["n1"][1:]]})
        code, printed = command(capsys, "replay", path)
        assert (code, expected in printed) == (2, True), printed
    code, printed = command(capsys, "replay", tmp_path / "none.jsonl")
    assert (code, "No such file" in printed) == (2, True)


BOUND = 120_000


def test_a_trace_stays_within_its_bound_and_can_still_be_stepped(tmp_path, capsys):
    asyncio.run(live(tmp_path, BOUND, moves=80))
    paths = [tmp_path / "n1.jsonl", tmp_path / "n2.jsonl"]
    for path in paths:
        assert path.stat().st_size + older(path).stat().st_size < 1.5 * BOUND
        assert (path.stat().st_mode & 0o777) == 0o600
        runs = read_node_trace(path)
        assert len(runs) == 2
        assert runs[0].after > 0
        assert runs[1].after == runs[0].lines[-1].step
        found = restep_trace(runs)
        assert (found.runs, found.differences) == (1, ())
        assert found.inputs == len(runs[0].lines) + len(runs[1].lines)
        code, printed = command(capsys, "replay", path)
        assert (code, "the beginning is gone" in printed) == (0, True)
    audit = audit_traces(paths)
    assert (audit.findings, audit.entities, audit.cut) == ((), frozenset(), tuple(paths))

    # The data at the start of the newer file must be what the older one leads to.
    lines = older(paths[0]).read_text().splitlines()
    older(paths[0]).write_text("\n".join(lines[:-1]) + "\n")
    (found,) = restep_trace(read_node_trace(paths[0])).differences
    assert (found.line, found.place) == (1, 0)

    # A kill may fall between the old file's new name and the new file.
    paths[0].unlink()
    assert len(read_node_trace(paths[0])) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_trace_that_cannot_be_written_ends_and_the_node_goes_on(tmp_path, monkeypatch, caplog):
    async def story():
        config = NodeConfig(name="n1", data=tmp_path / "n1", bootstrap=True, trace=tmp_path / "t", machines=MACHINES)
        async with ClusterNode(config) as node:
            recorder = node._running._recorder._recorder
            recorder._file.close()
            recorder._file = Path("/dev/full").open("wb")  # noqa: ASYNC230, SIM115
            await node.member()
            await node.create("ship", b"hull")
            await node.update("ship", b"sail")
            assert recorder._file is None
            assert node.failure is None

    monkeypatch.setattr(logging.getLogger("coordfsm_runtime"), "propagate", True)
    asyncio.run(story())
    assert [record.fields["reason"] for record in caplog.records if "the trace ends here" in record.message] == [
        os.strerror(28)
    ]


# -- spoiled on purpose ----------------------------------------------------------------------------------------------


def effects_of(traces: dict[str, list[dict]], node: str, wrapper: str, kind: str) -> list[dict]:
    """The messages or events of a type in a node's trace, to be changed in place."""
    field = {"Notify": "event", "Send": "message"}[wrapper]
    every = (effect for line in traces[node] for effect in line.get("effects", ()))
    return [e[field] for e in every if e["type"] == wrapper and e[field]["type"] == kind]


def told(traces, node, kind):
    return effects_of(traces, node, "Notify", kind)


def sent(traces, node, kind):
    return effects_of(traces, node, "Send", kind)


def tell(traces, node, event: dict, after_ms: int = 0) -> None:
    """One more line at the end of a trace that tells the event."""
    last = traces[node][-1]
    effect = {"type": "Notify", "event": event}
    traces[node].append(last | {"step": last["step"] + 1, "now_ms": last["now_ms"] + after_ms, "effects": [effect]})


def split_brain(traces):
    told(traces, "n2", "ViewChanged")[0]["view"]["members"][0]["incarnation"] += 5


def step_back(traces):
    tell(traces, "n1", told(traces, "n1", "ViewChanged")[0])


def stranger_acts(traces):
    view = told(traces, "n1", "ViewChanged")[0]["view"]
    assert [member["node"] for member in view["members"]] == ["n1"]
    traces["n2"].insert(
        1, traces["n2"][1] | {"effects": [{"type": "Notify", "event": {"type": "ViewChanged", "view": view}}]}
    )


def two_coordinators(traces):
    event = told(traces, "n2", "CoordinatorNamed")[-1]
    event["coordinator"] = {"n1": "n2", "n2": "n1"}[event["coordinator"]]


def old_topology(traces):
    accepted = told(traces, "n1", "TopologyAccepted")[-1]
    named = told(traces, "n1", "CoordinatorNamed")[-1]
    tell(traces, "n1", named | {"view_number": named["view_number"] + 1, "view_id": "f" * 32})
    tell(traces, "n1", accepted | {"version": accepted["version"] + 1})


def two_hosts(traces):
    for node in traces:
        for topology in sent(traces, node, "Topology"):
            for entry in topology["entries"]:
                entry["bubbles"] = ["shared"]
            topology["entries"].append({**topology["entries"][0], "process": "n1", "incarnation": 1})
            topology["entries"].append({**topology["entries"][0], "process": "n2", "incarnation": 2})


def repeated_topology(traces):
    tell(traces, "n2", told(traces, "n2", "TopologyAccepted")[-1])


def storm(traces):
    published = {node: told(traces, node, "TopologyBroadcast") for node in traces}
    node = max(published, key=lambda node: published[node][-1]["view_number"] if published[node] else 0)
    event = published[node][-1]
    tell(traces, node, event, after_ms=10_000)
    tell(traces, node, event, after_ms=20)


def twice_in_service(traces):
    event = next(event for event in told(traces, "n2", "EntityArrived"))
    tell(traces, "n1", event | {"transaction": {"type": "TransactionId", "source": "", "incarnation": 0, "counter": 0}})


def opposite_decisions(traces):
    decision = sent(traces, "n1", "MigrationDecision")[0]
    effect = {"type": "Send", "to": "x:1", "message": decision | {"commit": not decision["commit"]}}
    traces["n1"].append(traces["n1"][-1] | {"effects": [effect]})


def epoch_jumps(traces):
    told(traces, "n2", "EntityArrived")[-1]["epoch"] += 100


def two_at_once(traces):
    lines = [line for line in traces["n1"] if any("EntityFrozen" in json.dumps(e) for e in line.get("effects", ()))]
    frozen = next(e for e in lines[0]["effects"] if e["type"] == "Notify" and e["event"]["type"] == "EntityFrozen")
    lines[0]["effects"].append(frozen)


def after_the_view(traces):
    told(traces, "n1", "CommitDecided")[0]["decided_in"] = "f" * 32


def changed_on_the_way(traces):
    told(traces, "n2", "EntityArrived")[0]["payload"] = "wreck"


@pytest.mark.parametrize(
    ("broken", "spoil"),
    [
        ("M1", split_brain),
        ("M3", step_back),
        ("M4", stranger_acts),
        ("C1", two_coordinators),
        ("C2", old_topology),
        ("C3", two_hosts),
        ("C4", repeated_topology),
        ("C5", storm),
        ("X1", twice_in_service),
        ("X3", opposite_decisions),
        ("X4", epoch_jumps),
        ("X5", two_at_once),
        ("X6", after_the_view),
        ("X7", changed_on_the_way),
    ],
)
def test_a_real_trace_that_is_spoiled_is_found_out(tmp_path, recorded, broken, spoil):
    traces = json.loads(json.dumps(recorded))
    spoil(traces)
    paths = written(tmp_path, traces)
    assert {finding.property for finding in audit_traces(paths, replay=False).findings} == {broken}
    assert {finding.property for finding in audit_traces(paths).findings} == {broken, "replay"}

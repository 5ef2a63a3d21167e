"""Real processes: stopped, killed, told wrong things; and the demo itself."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys

import pytest

from coordfsm.cli.commands.node import FLAGS, setting_key
from coordfsm.cli.main import main
from coordfsm_runtime.admin.server import AdminClient
from coordfsm_runtime.errors import AdminError
from coordfsm_runtime.lab.processes import LocalCluster, ProcessError, free_endpoints
from coordfsm_runtime.service import EXIT_STORE, EXIT_USAGE
from coordfsm_runtime.settings import NODE_SETTINGS
from coordfsm_runtime.traces.audit import audit_traces

PACE = {
    "COORDFSM_MEMBERSHIP_PROBE_MS": "150",
    "COORDFSM_MEMBERSHIP_PROBE_TIMEOUT_MS": "250",
    "COORDFSM_MEMBERSHIP_REBUTTAL_MS": "300",
}


def coordfsm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coordfsm.cli.main", *arguments]
    known = {key: value for key, value in os.environ.items() if not key.startswith("COORDFSM_")}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=known,
        stdin=subprocess.DEVNULL,
    )


def operate(*arguments: str) -> tuple[int, str]:
    """An operator's command in this process; its exit code and all it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(arguments)
    return code, printed.getvalue()


def test_a_day_with_three_processes(tmp_path):
    """The operator's commands, a member that hangs and comes back, a graceful leave."""
    with LocalCluster(tmp_path, ["n1", "n2", "n3"], PACE) as cluster:
        cluster.start()
        cluster.wait_for_view(["n1", "n2", "n3"], 40)

        def ask(node: str, *arguments: str) -> tuple[int, str]:
            return operate(*arguments, "--socket", str(tmp_path / node))

        assert ask("n1", "create", "ship", "hull") == (0, "ship owned, epoch 1\n")
        assert ask("n1", "create", "ship")[0] == 2
        assert ask("n1", "register", "east", "west") == (0, "hosts east west\n")
        cluster.wait_until(lambda: cluster.status("n1")["stable"], "a stable view", 20)
        moved = ask("n1", "migrate", "ship", "n2")
        while "VIEW_" in moved[1]:  # on a busy machine a view may look unstable for a moment
            moved = ask("n1", "migrate", "ship", "n2")
        assert moved == (0, "ship to n2: COMMITTED\n")
        assert ask("n1", "migrate", "ship", "n2")[0] in (0, 1)
        code, listed = ask("n2", "entities", "--json")
        assert (code, [(held["entity"], held["state"]) for held in json.loads(listed)]) == (0, [("ship", "owned")])
        assert ask("n2", "in-doubt") == (0, "none\n")
        for command in ("status", "members", "coordinator", "topology", "keys list"):
            assert ask("n3", *command.split())[0] == 0
        assert json.loads(ask("n3", "members", "--json")[1])["view"]["number"] >= 2
        for command, arguments, expected in (
            ("dance", {}, "unknown command 'dance', expected one of"),
            ("create", {}, "create: missing a required argument: 'entity'"),
            ("create", {"entity": 5}, "create: entity is 5, expected a text"),
            ("register", {"bubbles": "east"}, "register: bubbles is 'east', expected a list of texts"),
            ("force-view", {"survivors": ["n3"]}, "ForceView was refused: not possible while member"),
        ):
            with pytest.raises(AdminError, match=expected):
                cluster.nodes["n3"].ask(command, **arguments)

        # A member that hangs is removed, and comes back as another incarnation when it goes on.
        before = cluster.status("n2")["incarnation"]
        cluster.nodes["n2"].signal(signal.SIGSTOP)
        cluster.wait_for_view(["n1", "n3"], 40)
        cluster.nodes["n2"].signal(signal.SIGCONT)
        cluster.wait_for_view(["n1", "n2", "n3"], 40)
        assert cluster.status("n2")["incarnation"] > before
        cluster.wait_until(lambda: cluster.status("n2")["stable"], "n2 in a stable view", 20)

        def back() -> bool:
            return cluster.nodes["n2"].ask("migrate", entity="ship", destination="n3")["outcome"] == "COMMITTED"

        cluster.wait_until(back, "the ship at n3", 20)

        assert cluster.nodes["n1"].terminate(20) == 0
        cluster.wait_for_view(["n2", "n3"], 20)
        with pytest.raises(AdminError, match="no node answers"):
            cluster.nodes["n1"].ask("status")
        traces = [node.trace for node in cluster.nodes.values()]
        cluster.close()
        assert audit_traces(traces).findings == ()
        code, printed = operate("audit", str(tmp_path), "--json")
        found = json.loads(printed)
        assert (code, found["clean"], found["entities"]) == (0, True, {"ship": ["n3"]})


def test_the_demo_is_clean(tmp_path):
    done = coordfsm(
        "demo", "--nodes", "3", "--entities", "30", "--seconds", "0.5", "--json", "--keep", str(tmp_path / "d")
    )
    result = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert result["clean"]
    assert (result["entities"], result["lost"], result["duplicated"], result["findings"]) == (30, [], [], [])
    assert "\033" not in done.stderr
    code, printed = operate("demo", "--keep", str(tmp_path / "d"))
    assert (code, "exists already" in printed) == (2, True)


def test_a_node_that_cannot_start_says_why(tmp_path):
    (listen,) = free_endpoints(1)
    base = ("node", "--name", "n1", "--data", str(tmp_path / "n1"))
    for arguments, expected in (
        (("node",), "node.name is missing"),
        ((*base, "--listen", "here"), "node.listen is 'here', expected host:port"),
        ((*base, "--set", "membership.probe_ms=soon"), "membership.probe_ms is 'soon', expected an integer"),
        ((*base, "--set", "membership.colour=blue"), "expected one of membership."),
        ((*base, "--config", str(tmp_path / "none.toml")), "a readable file"),
    ):
        code, printed = operate(*arguments)
        assert (code, expected in printed) == (EXIT_USAGE, True), printed
    done = coordfsm(*base, "--listen", "0.0.0.0:7400", "--security-insecure")
    assert done.returncode == EXIT_USAGE
    assert "node.advertise is missing" in done.stderr
    done = coordfsm(*base, "--listen", "0.0.0.0:0")
    assert (done.returncode, "a loopback address, or a cluster key" in done.stderr) == (EXIT_USAGE, True), done.stderr
    (tmp_path / "n2").mkdir()
    (tmp_path / "n2" / "node.db").write_bytes(b"junk" * 1_000)
    done = coordfsm("node", "--name", "n2", "--data", str(tmp_path / "n2"), "--listen", listen)
    assert done.returncode == EXIT_STORE
    assert "damaged" in done.stderr


def test_processes_end_with_their_parent_and_errors_are_reported(tmp_path):
    with LocalCluster(tmp_path, ["n1", "n2"], PACE) as cluster:
        cluster.nodes["n1"].start()
        cluster.wait_for_view(["n1"], 40)
        assert '"event":"started"' in cluster.nodes["n1"].log.read_text()
        process = cluster.nodes["n1"]._process
        process.stdin.close()
        assert cluster.nodes["n1"].wait(20) == 0
        cluster.nodes["n1"].start(COORDFSM_LOG_LEVEL="loud")
        with pytest.raises(ProcessError, match=r"(?s)exit code 2.*log\.level is 'loud'"):
            cluster.wait_for_view(["n1"], 40)
        with pytest.raises(AdminError):
            AdminClient(tmp_path / "n2")


def test_every_flag_is_a_setting():
    known = {setting.key: setting.flag for setting in NODE_SETTINGS if setting.key != "security.keys"}
    assert {setting_key(flag): flag for flag, _, _ in FLAGS} == known


def test_without_a_node_the_commands_say_so(tmp_path, monkeypatch):
    for variable in ("COORDFSM_SOCKET", "COORDFSM_ADMIN_SOCKET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("COORDFSM_NODE_DATA", raising=False)
    assert "which node?" in operate("members")[1]
    for variable in ("COORDFSM_NODE_DATA", "COORDFSM_ADMIN_SOCKET", "COORDFSM_SOCKET"):
        monkeypatch.setenv(variable, str(tmp_path / f"{variable}.sock"))
        code, printed = operate("members")
        assert (code, f"no node answers at {tmp_path}/{variable}.sock" in printed) == (2, True)


def test_a_socket_that_is_a_directory_is_named(tmp_path):
    done = coordfsm(
        "node", "--name", "n1", "--data", str(tmp_path), "--listen", "127.0.0.1:0", "--admin-socket", str(tmp_path)
    )
    assert (done.returncode, f"admin socket {tmp_path}: a directory" in done.stderr) == (EXIT_USAGE, True)

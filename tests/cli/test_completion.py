"""`coordfsm completion`, in a real interactive shell: keys go in, what it shows comes out."""

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

from coordfsm.cli.commands.completion import COMPLETERS, SHELLS
from coordfsm.cli.main import build_parser
from coordfsm_runtime.lab.processes import LocalCluster

BASH = shutil.which("bash")


def test_every_shell_has_its_script(run):
    for shell in SHELLS:
        printed = run("completion", shell)
        assert printed.code == 0
        assert "coordfsm" in printed.out
    assert run("completion", "tcsh").code == 2


def test_every_completer_has_an_argument():
    commands = next(action.choices for action in build_parser()._actions if action.dest == "command")
    assert COMPLETERS.keys() <= {action.dest for command in commands.values() for action in command._actions}


class Shell:
    """A bash at a terminal of its own."""

    def __init__(self, directory: Path, **variables: str) -> None:
        scripts = str(Path(sys.executable).parent)
        (directory / "rc").write_text(
            f'PS1="ready> "; export PATH="{scripts}:$PATH"\n'
            'bind "set bell-style none"; bind "set page-completions off"\n'
            'eval "$(coordfsm completion bash)"\n'
        )
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            known = {key: value for key, value in os.environ.items() if not key.startswith("COORDFSM_")}
            os.execve(
                BASH,
                ["bash", "--noprofile", "--rcfile", str(directory / "rc"), "-i"],
                known | variables | {"TERM": "dumb"},
            )
        self.shown = ""
        self.wait("ready> ")

    def type(self, keys: str) -> None:
        self.shown = ""
        os.write(self._end, keys.encode())

    def wait(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, f"{text!r} is not in {self.shown!r}"
            if select.select([self._end], [], [], 0.2)[0]:
                self.shown += os.read(self._end, 65_536).decode(errors="replace")

    def close(self) -> None:
        os.close(self._end)
        os.waitpid(self._pid, 0)


@pytest.mark.skipif(BASH is None, reason="no bash here")
def test_bash_completes_commands_flags_models_and_what_the_node_has(tmp_path):
    with LocalCluster(tmp_path, ["north"]) as cluster:
        cluster.start()
        cluster.wait_for_view(["north"], 40)
        cluster.nodes["north"].ask("create", entity="ship-of-theseus")
        shell = Shell(tmp_path, COORDFSM_SOCKET=str(tmp_path / "north"))
        try:
            shell.type("coordfsm coordi\t")
            shell.wait("coordfsm coordinator ")
            shell.type("\x15coordfsm migrate ship\t")
            shell.wait("ship-of-theseus ")
            shell.type("nor\t")
            shell.wait("north ")
            shell.type("--tok\t")
            shell.wait("--token ")
            shell.type("\x15coordfsm verify twoph\t")
            shell.wait("twophase ")
            # Nothing hangs and nothing is printed into the line when no node answers.
            cluster.close()
            shell.type("\x15coordfsm migrate sh\t\tip.")
            shell.wait("migrate ship.")
        finally:
            shell.close()

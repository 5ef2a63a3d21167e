"""The examples for operators fit the program."""

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coordfsm_runtime.config import load_config
from coordfsm_runtime.machines import MACHINE_SETTINGS
from coordfsm_runtime.service import EXIT_STORE, EXIT_USAGE
from coordfsm_runtime.settings import NODE_SETTINGS
from coordfsm_runtime.wire.keyring import new_key

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"


def test_the_configuration_file_is_read(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(new_key() + "\n")
    config = load_config(MACHINE_SETTINGS, DEPLOY / "node.toml", {}, {"security.key_file": str(keys)})
    assert (config.name, config.advertise, config.label) == ("n1", "192.0.2.11:7401", "harbor")
    assert (len(config.keys), config.machines["membership"]) == (1, {"probe_ms": 500})


def test_the_unit_knows_the_exit_codes_and_leaves_time_to_leave():
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(DEPLOY / "coordfsm.service")
    service = unit["Service"]
    assert service["RestartPreventExitStatus"] == f"{EXIT_USAGE} {EXIT_STORE}"
    leave_ms = next(setting.default for setting in NODE_SETTINGS if setting.key == "node.leave_timeout_ms")
    assert int(service["TimeoutStopSec"]) * 1000 > leave_ms


def test_the_container_sets_variables_that_exist():
    known = {setting.variable for setting in NODE_SETTINGS}
    words = (DEPLOY / "Containerfile").read_text().replace("=", " ").split()
    named = {word for word in words if word.startswith("COORDFSM_")}
    assert named
    assert named <= known


SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
PROGRAM = Path(sys.executable).with_name("coordfsm")


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="no systemd-analyze here")
def test_systemd_accepts_the_unit_and_calls_it_well_contained(tmp_path):
    # Where the unit expects the program, there is none on this machine.
    text = (DEPLOY / "coordfsm.service").read_text().replace("/opt/coordfsm/bin/coordfsm", str(PROGRAM))
    unit = tmp_path / "coordfsm.service"
    unit.write_text(text)
    done = subprocess.run([SYSTEMD_ANALYZE, "verify", unit], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    judged = subprocess.run(
        [SYSTEMD_ANALYZE, "security", "--offline=true", unit], capture_output=True, text=True, check=False, timeout=60
    )
    exposure = re.search(r"Overall exposure level for coordfsm\.service: ([\d.]+)", judged.stdout)
    assert exposure is None or float(exposure[1]) < 3.0, judged.stdout  # older systemd cannot judge files


def instructions() -> dict[str, list[str]]:
    """The instructions of the container file by name, long ones joined."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Containerfile").read_text())
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest)
    return found


def test_the_containers_commands_run_and_its_health_check_tells_a_member(tmp_path):
    """What the container runs, in the environment that it sets, with the paths of this test."""
    told = instructions()
    assert told["USER"] == ["coordfsm"]
    (tmp_path / "keys").write_text(new_key() + "\n")
    places = {"/var/lib/coordfsm": str(tmp_path / "data"), "/etc/coordfsm/keys": str(tmp_path / "keys")}
    given = dict(pair.split("=", 1) for line in told["ENV"] for pair in line.split())
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COORDFSM_")}
    environment |= {key: places[value] for key, value in given.items()}
    environment |= {
        "COORDFSM_NODE_NAME": "n1",
        "COORDFSM_NODE_LISTEN": "127.0.0.1:0",
        "COORDFSM_NODE_BOOTSTRAP": "true",
    }
    (entry,), (check,) = told["ENTRYPOINT"], told["HEALTHCHECK"]

    def command(words: str) -> list[str]:
        program, *rest = json.loads(words[words.index("[") :])
        return [str(PROGRAM.with_name(program)), *rest]

    def healthy() -> int:
        return subprocess.run(command(check), env=environment, capture_output=True, check=False).returncode

    assert healthy() == 2
    with subprocess.Popen(command(entry), env=environment, stderr=subprocess.DEVNULL) as node:
        try:
            deadline = time.monotonic() + 30
            while healthy() != 0:
                assert time.monotonic() < deadline
                assert node.poll() is None
            (stop,) = told["STOPSIGNAL"]
            node.send_signal(signal.Signals[stop])
            assert node.wait(20) == 0
        finally:
            node.kill()

"""The examples for operators fit the program."""

import configparser
from pathlib import Path

from coordfsm_runtime.config import load_config
from coordfsm_runtime.keyring import new_key
from coordfsm_runtime.machines import MACHINE_SETTINGS
from coordfsm_runtime.service import EXIT_STORE, EXIT_USAGE
from coordfsm_runtime.settings import NODE_SETTINGS

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"


def test_the_configuration_file_is_read(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(new_key() + "\n")
    config = load_config(MACHINE_SETTINGS, DEPLOY / "node.toml", {}, {"security.key_file": str(keys)})
    assert (config.name, config.advertise, config.label) == ("n1", "192.0.2.11:7401", "harbor")
    assert (len(config.keys), config.machines["membership"]) == (1, {"probe_ms": 1000})


def test_the_unit_knows_the_exit_codes_and_leaves_time_to_leave():
    unit = configparser.ConfigParser(interpolation=None)
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

"""Configuration: file, environment, flags; every error names source, key, value and what was expected."""

import base64
import io
from pathlib import Path

import pytest

from coordfsm.kernel import Value
from coordfsm_runtime.config import load_config
from coordfsm_runtime.errors import ConfigurationError
from coordfsm_runtime.settings import machine_settings
from coordfsm_runtime.wire.keyring import new_key, parse_key


class Pace(Value):
    process: str
    probe_ms: int = 1000
    limit: int = 8
    rejoin: bool = True


MACHINES = machine_settings("pace", Pace, frozenset())
BASE = {"node.name": "n1", "node.data": "data"}


def load(text: str | None = None, tmp_path: Path | None = None, environment=None, **flags):
    file = None
    if text is not None:
        file = tmp_path / "node.toml"
        file.write_text(text)
    return load_config(MACHINES, file, environment or {}, flags)


def test_defaults_and_three_sources_in_order(tmp_path):
    config = load(
        '[node]\nname = "file"\ndata = "d"\n'
        'seeds = ["127.0.0.1:1", "localhost:2"]\n[pace]\nprobe_ms = 7\nrejoin = false\n',
        tmp_path,
        {"COORDFSM_NODE_NAME": "environment", "COORDFSM_PACE_LIMIT": "3", "OTHER": "x"},
        **{"node.name": "flag"},
    )
    assert (config.name, config.data, config.listen) == ("flag", Path("d"), "127.0.0.1:7401")
    assert config.seeds[0] == "127.0.0.1:1"
    assert config.seeds[1] in ("127.0.0.1:2", "[::1]:2")
    assert config.machines == {"pace": {"probe_ms": 7, "limit": 3, "rejoin": False}}
    assert config.socket == Path("d/admin.sock")
    assert not config.bootstrap


def test_keys_from_text_and_file(tmp_path):
    first, second = new_key(), new_key()
    (tmp_path / "keys").write_text(f"# primary\n{second}\n\n{first}\n")
    config = load(
        environment={"COORDFSM_SECURITY_KEYS": first}, **BASE, **{"security.key_file": str(tmp_path / "keys")}
    )
    assert config.keys == (parse_key(first), parse_key(second))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[node]\nlisten = 5\n", "node.toml: node.listen is 5, expected host:port"),
        ('[node]\nlisten = "nowhere"\n', "node.listen is 'nowhere', expected host:port"),
        ('[node]\ncolour = "blue"\n', "node.colour is 'blue', expected one of node.name, node.listen"),
        ("[stuff]\nx = 1\n", "stuff.x is 1, expected one of [node], [security], [admin], [log], [pace]"),
        ("x = 1\n", "x is 1, expected one of [node]"),
        ("[pace]\nprobe_ms = 0\n", "pace.probe_ms is 0, expected an integer of at least 1"),
        ("[pace]\nprobe_ms = true\n", "pace.probe_ms is True, expected an integer of at least 1"),
        ("[pace]\nrejoin = 3\n", "pace.rejoin is 3, expected true or false"),
        ('[node]\nseeds = ["a"]\n', "node.seeds is ['a'], expected a list of host:port, not port 0"),
        ('[log]\nlevel = "loud"\n', "log.level is 'loud', expected debug or info or warning or error"),
        ("[node\n", "expected TOML"),
        ('[node]\nname = "a b"\n', "node.name is 'a b', expected 1 to 64 printable characters"),
    ],
)
def test_errors_from_a_file(tmp_path, text, message):
    with pytest.raises(ConfigurationError) as error:
        load(text, tmp_path)
    assert message in str(error.value)


def test_errors_from_elsewhere(tmp_path):
    with pytest.raises(ConfigurationError, match=r"COORDFSM_NODE_NAME, --name\): node.name is missing"):
        load()
    with pytest.raises(ConfigurationError, match=r"environment COORDFSM_PACE_LIMIT: pace.limit is 'many'"):
        load(environment={"COORDFSM_PACE_LIMIT": "many"})
    with pytest.raises(ConfigurationError, match=r"command line: admin\.http is 'x'"):
        load(**BASE, **{"admin.http": "x"})
    with pytest.raises(ConfigurationError, match="shorter path"):
        load(**BASE, **{"admin.socket": "/" + "x" * 120})
    with pytest.raises(ConfigurationError, match="readable file"):
        load_config(MACHINES, tmp_path / "none.toml", {})
    with pytest.raises(ConfigurationError, match=r"expected a host that resolves"):
        load(**BASE, **{"node.seeds": "no.such.host.invalid:1"})


def test_a_wrong_key_is_never_shown(tmp_path):
    (tmp_path / "keys").write_text("secret-but-wrong\n")
    for flags in ({"security.keys": "secret-but-wrong"}, {"security.key_file": str(tmp_path / "keys")}):
        with pytest.raises(ConfigurationError) as error:
            load(**BASE, **flags)
        assert "secret-but-wrong" not in str(error.value)


@pytest.mark.parametrize("key", ["k" * 32, "\xff" * 32, "\xfb\xff" * 16])
@pytest.mark.parametrize(
    "setting",
    [
        "security.key_file",
        "security.keys",
        "security.insecure",
        "security.password",
        "node.listen",
        "node.seeds",
        "log.level",
    ],
)
def test_a_key_in_the_wrong_place_is_never_shown(setting, key):
    text = base64.b64encode(key.encode("latin1")).decode()
    flags = BASE | {setting: text[:-2] if setting == "security.keys" else text}
    with pytest.raises(ConfigurationError) as refused:
        load(**flags)
    told = f"{refused.value} {refused.value.source} {refused.value.key} {refused.value.value}"
    assert text[:20] not in told
    assert "(not shown)" in told


def test_a_wildcard_is_no_seed():
    with pytest.raises(
        ConfigurationError, match=r"node\.seeds is '0\.0\.0\.0:7402', expected addresses that can be sent"
    ):
        load(**BASE, **{"node.seeds": "127.0.0.1:7403,0.0.0.0:7402"})


def test_http_beyond_loopback_must_be_meant():
    with pytest.raises(ConfigurationError, match=r"admin\.http_public"):
        load(**BASE, **{"admin.http": "0.0.0.0:7480"})
    config = load(
        **BASE, **{"admin.http": "0.0.0.0:7480", "admin.http_public": True, "admin.http_hosts": "a.example, b"}
    )
    assert (config.http, config.http_hosts) == ("0.0.0.0:7480", ("a.example", "b"))
    with pytest.raises(ConfigurationError, match="a list of host names"):
        load(**BASE, **{"admin.http_hosts": "http://a"})


def test_a_key_file_is_its_owners_alone(tmp_path, caplog):
    file = tmp_path / "keys"
    file.write_text(new_key())
    file.chmod(0o600)
    assert len(load(**BASE, **{"security.key_file": str(file)}).keys) == 1
    assert caplog.text == ""
    file.chmod(0o640)
    load(**BASE, **{"security.key_file": str(file)})
    assert "key file" in caplog.text
    for mode in (0o620, 0o602, 0o666):
        file.chmod(mode)
        with pytest.raises(ConfigurationError, match="only its owner can write"):
            load(**BASE, **{"security.key_file": str(file)})


def test_a_file_with_a_key_in_it_is_its_owners_alone(tmp_path, caplog):
    file = tmp_path / "node.toml"
    file.write_text(f'[security]\nkeys = ["{new_key()}"]\n')
    file.chmod(0o600)
    assert len(load_config(MACHINES, file, {}, BASE).keys) == 1
    assert caplog.text == ""
    file.chmod(0o644)
    load_config(MACHINES, file, {}, BASE)
    assert "key file" in caplog.text
    file.chmod(0o664)
    with pytest.raises(ConfigurationError, match=r"security\.keys.*only its owner can write"):
        load_config(MACHINES, file, {}, BASE)
    file.write_text("[log]\nlevel = 'info'\n")  # without keys it is nobody's secret
    assert load_config(MACHINES, file, {}, BASE).log_level == "info"


def test_keys_come_from_standard_input(monkeypatch):
    class Piped:
        buffer = io.BytesIO(f"# ours\n{new_key()}\n{new_key()}\n".encode())

    monkeypatch.setattr("sys.stdin", Piped)
    assert len(load(**BASE, **{"security.key_file": "-"}).keys) == 2
    with pytest.raises(ConfigurationError, match="at least one key"):  # nothing is left
        load(**BASE, **{"security.key_file": "-"})


def test_a_configuration_can_be_shown_without_its_keys():
    config = load(environment={"COORDFSM_SECURITY_KEYS": new_key()}, **BASE)
    assert "keys=<1 not shown>" in repr(config)
    assert repr(config.keys[0]) not in repr(config)


@pytest.mark.parametrize("value", ["1_000", "\u0661", 10**30, str(10**30), " 5", "1.0", True])
def test_numbers_are_plain_and_bounded(value):
    with pytest.raises(ConfigurationError, match="an integer"):
        load(**BASE, **{"node.leave_timeout_ms": value})


def test_a_key_on_the_command_line_is_refused_and_not_shown():
    with pytest.raises(
        ConfigurationError, match=r"command line: security\.keys is '\(not shown\)', expected security\.key_file"
    ):
        load(**BASE, **{"security.keys": new_key()})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"node.seeds": "127.0.0.1:0"}, "node.seeds is '127.0.0.1:0', expected a list of host:port, not port 0"),
        ({"node.advertise": "127.0.0.1:0"}, "expected host:port, not port 0"),
        (
            {"node.seeds": "127.0.0.1:5,127.0.0.1:6,127.0.0.1:5"},
            "node.seeds is '127.0.0.1:5', expected each address once",
        ),
        ({"node.seeds": "127.0.0.1:7401"}, "another node's address, not only this node's own"),
    ],
)
def test_seeds_that_cannot_help_are_refused(settings, told):
    with pytest.raises(ConfigurationError) as refused:
        load(**BASE, **settings)
    assert told in str(refused.value)


def test_one_list_of_seeds_serves_all_nodes():
    assert load(**BASE, **{"node.seeds": "127.0.0.1:7401,127.0.0.1:7402"}).seeds == ("127.0.0.1:7402",)

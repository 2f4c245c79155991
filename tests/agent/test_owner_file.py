"""The owner's file adds actions, takes some away, and is refused whole with all its faults."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogue import Catalogue, load_catalogue
from agent.errors import Denied
from agent.owner_file import BadActions, parse_owner_actions
from tests.agent.owners import NOT_ROOT, write_as_owner

OWNERS = """
# What on-call people may do on this host.
"systemctl restart {unit}":
  arguments: {unit: [nginx, php-fpm]}
  seconds: 60
  help: starts a web unit anew
"errors {lines}":
  run: journalctl -u nginx -p err -n {lines} --no-pager
  arguments: {lines: {from: 1, to: 500}}
  read_only: true
"reach {host} {port}":
  run: [/usr/bin/nc, -z, -w, "3", "{host}", "{port}"]
  arguments: {host: host, port: port}
"show {verbose} {file}":
  run: cat {verbose} {file}
  arguments: {verbose: {flag: --number}, file: {under: [/srv, /opt]}}
"deploy --to={stage} {version}":
  run: /opt/deploy/bin/deploy --stage={stage} {version}
  arguments: {stage: [blue, green], version: name}
"unit {unit}": {run: systemctl status {unit}, arguments: {unit: unit}}
"lsof -i :80": {}
"sweep":
"dmesg": off
"""


def load(text: str, tmp_path: Path) -> Catalogue:
    path = write_as_owner(tmp_path / "actions.yml", text)
    return load_catalogue(
        path,
        find=lambda name: name if name.startswith("/") else f"/usr/bin/{name}",
        own=NOT_ROOT,
    )


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    # A value within braces may not begin with a brace in YAML: people put it in quotes.
    return load(OWNERS.replace("systemctl status {unit},", '"systemctl status {unit}",'), tmp_path)


@pytest.mark.parametrize(
    ("typed", "runs"),
    [
        ("systemctl restart nginx", "/usr/bin/systemctl restart nginx"),
        ("systemctl restart php-fpm", "/usr/bin/systemctl restart php-fpm"),
        ("systemctl status nginx", "/usr/bin/systemctl --no-pager status nginx"),
        ("errors 50", "/usr/bin/journalctl -u nginx -p err -n 50 --no-pager"),
        ("reach example.com 443", "/usr/bin/nc -z -w 3 example.com 443"),
        ("show /srv/a.txt", "/usr/bin/cat /srv/a.txt"),
        ("show --number /opt/a.txt", "/usr/bin/cat --number /opt/a.txt"),
        ("deploy --to=blue v1.2", "/opt/deploy/bin/deploy --stage=blue v1.2"),
        ("unit nginx", "/usr/bin/systemctl status nginx"),
        ("lsof -i :80", "/usr/bin/lsof -i :80"),
        ("lsof '-i' ':80'", "/usr/bin/lsof -i :80"),
        ("sweep", "/usr/bin/sweep"),
        ("df -h", "/usr/bin/df -h"),
    ],
)
def test_what_the_owner_wrote_runs_beside_what_is_shipped(
    catalogue: Catalogue, typed: str, runs: str
) -> None:
    assert catalogue.match(typed).argv == tuple(shlex.split(runs))


@pytest.mark.parametrize(
    "typed",
    [
        *("systemctl restart", "systemctl restart sshd", "systemctl restart nginx sshd"),
        *(
            "systemctl restart 'nginx php-fpm'",
            "systemctl stop nginx",
            "systemctl restart -- nginx",
        ),
        *("errors", "errors 0", "errors 501", "errors -n", "errors 5 5", "errors '5 --output=x'"),
        *("reach -h 1", "reach a 0", "reach a 65536", "reach a", "reach a 1 2"),
        *("show /etc/shadow", "show /srv/../etc/shadow", "show --all /srv/x", "show --number"),
        *(
            "show /srv/x --number",
            "deploy --to=red v1",
            "deploy --to=blue --force",
            "deploy blue v1",
        ),
        *("deploy --to= v1", "lsof", "lsof -i", "lsof -i :81", "lsof -i :80 -x", "sweep now"),
        *("unit -x", "unit '*'", "dmesg", "dmesg -T"),
    ],
)
def test_what_does_not_fit_what_the_owner_wrote_is_refused(
    catalogue: Catalogue, typed: str
) -> None:
    with pytest.raises(Denied) as refused:
        catalogue.match(typed)
    assert refused.value.sentence


def test_what_the_owner_did_not_call_read_only_is_not(catalogue: Catalogue) -> None:
    assert catalogue.match("errors 5").is_read_only
    restart = catalogue.match("systemctl restart nginx")
    assert not restart.is_read_only
    assert restart.seconds == 60
    assert not catalogue.match("lsof -i :80").is_read_only
    listed = {each["name"]: each for each in catalogue.describe()}
    assert not listed["systemctl"]["read_only"]
    assert listed["systemctl"]["example"] == "systemctl restart nginx|php-fpm"
    assert "dmesg" not in listed


BAD = {
    "- a list": "it has no commands as keys",
    "just text": "it has no commands as keys",
    '"a": {': "it is no YAML",
    "\t": "it is no YAML",
    '"a": {}\n"a": {}': "actions.yml:2: a stands twice",
    "[a]: {}": "a key is a command",
    '"a": on': "write {} behind it, settings, or off",
    '"a": 5': "write {} behind it",
    '"a": [b]': "write {} behind it",
    '"zzz": off': "no shipped action has this name",
    '"a": {rnu: x}': "rnu is no setting: arguments, run, seconds, read_only, help",
    '"a {x}": {}': "arguments does not say what {x} may be",
    '"a": {arguments: {x: unit}}': "{x} does not stand in the command",
    '"a {x} {x}": {arguments: {x: unit}}': "{x} stands twice",
    '"a {x}y": {arguments: {x: unit}}': "stands alone, or at the end of its word",
    '"a {X}": {}': "{ would be replaced",
    '"a": {run: "b {x}"}': "{x} in run does not stand in the command",
    '"a | b": {}': "| would join two commands",
    '"a $x": {}': "$ would be replaced",
    '"": {}': "a command is a text, or a list of texts",
    '"{x}": {arguments: {x: unit}}': "the first word is a plain name",
    '"/usr/bin/a": {}': "the first word is a plain name; give the program's path in run",
    '"-a": {}': "the first word is a plain name",
    '"a": {run: []}': "a command is a text, or a list of texts",
    '"a": {run: 5}': "a command is a text, or a list of texts",
    '"a": {run: [a, 5]}': "a command is a text, or a list of texts",
    '"a": {run: "a; b"}': "; would start a second command",
    '"a": {run: [-x]}': "run begins with the program's name",
    '"a": {run: ["x", "a\\nb"]}': "<U+000A>",
    '"a {x}": {run: ["{x}"], arguments: {x: [ls]}}': "run begins with the program's name",
    '"a {x}": {run: [sh, -c, "{x}"], arguments: {x: name}}': "sh could take an argument",
    '"a {x}": {run: [/bin/bash, -c, "{x}"], arguments: {x: name}}': "bash could take",
    '"a {x}": {run: [sudo, env, "{x}"], arguments: {x: name}}': "env could take",
    '"a {x}": {run: [python3.11, "{x}"], arguments: {x: name}}': "python3.11 could take",
    '"a {x}": {run: [ssh, "{x}"], arguments: {x: host}}': "ssh could take",
    '"a": {seconds: 0}': "seconds is a number from 1 to 3600",
    '"a": {seconds: 3601}': "seconds is a number from 1 to 3600",
    '"a": {seconds: soon}': "seconds is a number",
    '"a": {seconds: true}': "seconds is a number",
    '"a": {seconds: .nan}': "seconds is a number",
    '"a": {read_only: maybe}': "read_only is true or false",
    '"a": {read_only: 1}': "read_only is true or false",
    '"a": {arguments: [x]}': "arguments: write {name: what it may be}",
    '"a {x}": {arguments: {x: word}}': "x may be a list of words",
    '"a {x}": {arguments: {x: []}}': "x may be a list of words",
    '"a {x}": {arguments: {x: [on, off]}}': "(on, off, yes and no in quotes)",
    '"a {x}": {arguments: {x: [""]}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {from: 9, to: 1}}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {from: 1}}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {from: 1, to: 2, by: 3}}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {under: srv}}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {under: []}}}': "x may be a list of words",
    '"a {x}": {arguments: {x: {flag: ""}}}': "x may be a list of words",
    '"a --y={x}": {arguments: {x: {flag: --z}}}': "a flag stands alone",
    '"a": !!python/object/apply:os.system [id]': "a cannot be understood",
    '"a": {help: !!python/name:os.system x}': "a cannot be understood",
}


@pytest.mark.parametrize(("text", "says"), BAD.items())
def test_a_fault_of_the_file_is_named(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadActions) as refused:
        load(text, tmp_path)
    assert any(says in fault for fault in refused.value.faults), refused.value.faults
    assert all(fault.isprintable() for fault in refused.value.faults)


def test_all_faults_are_named_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = '"a": {seconds: 0}\n\n"b {x}": {}\n"c": {run: sh, rnu: 5}\n"d": 5\n"fine": {}\n'
    with pytest.raises(BadActions) as refused:
        load(text, tmp_path)
    lines = [re.match(r"actions\.yml:(\d+): (\w+)", each) for each in refused.value.faults]
    assert [(each[1], each[2]) for each in lines if each] == [
        ("1", "a"),
        ("3", "b"),
        ("4", "c"),
        ("5", "d"),
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "---\n"])
def test_an_empty_file_adds_nothing(text: str, tmp_path: Path) -> None:
    assert load(text, tmp_path).match("df -h").argv


def test_no_file_adds_nothing(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path / "not-there.yml", own=NOT_ROOT, find=str).match("df -h").argv


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "actions.yml", '"a": {}', 0o666)
    with pytest.raises(BadActions, match="can be written by others"):
        load_catalogue(path, own=NOT_ROOT)


def test_a_file_that_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadActions, match="longer than"):
        load("#" * 300_000, tmp_path)
    with pytest.raises(BadActions, match="no YAML"):
        parse_owner_actions(b"\xff\xfe", shipped=frozenset())
    with pytest.raises(BadActions):
        parse_owner_actions(b"[" * 50_000, shipped=frozenset())


REFUSED = (
    *("lsof -i :80", "docker ps", "nginx -t", "ps auxe", "cat /etc/shadow", "du '/root'", "DF"),
    *(
        'grep "it\'s" /srv/x',
        "tool 'a b' \"c\"",
        "tool 'a\\b'",
        "tool 早安",
        "tool ''",
        "nc -z x 80",
    ),
)


@pytest.mark.parametrize("text", REFUSED)
def test_the_line_that_a_refusal_prints_makes_the_command_run(text: str, tmp_path: Path) -> None:
    catalogue = load("", tmp_path)
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    remedy = refused.value.remedy
    assert remedy.endswith(f" | sudo tee -a {tmp_path}/actions.yml")
    # As the owner would run it, but for sudo.
    for shell in ("sh", "bash"):
        line = subprocess.run(
            [shell, "-c", remedy.split(" | sudo")[0]], capture_output=True, check=True
        )
        added = load(line.stdout.decode(), tmp_path)
        assert added.match(text).argv[1:] == tuple(shlex.split(text)[1:])


@given(st.text(alphabet="ab1 -'\"\\$;{}[]:#&*!|>%@早", min_size=1, max_size=12))
def test_whatever_was_refused_the_line_is_good_yaml_or_raises_the_ceiling(text: str) -> None:
    catalogue = Catalogue((), find=lambda name: f"/usr/bin/{name}")
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    remedy = refused.value.remedy
    if remedy == "echo shell | sudo tee /etc/opswire/ceiling":
        return
    line = shlex.split(remedy)[1 if remedy.startswith("echo") else 2]
    assert yaml.safe_load(line) == {text.strip(" \t"): {}}
    added = parse_owner_actions(line.encode(), shipped=frozenset())
    assert Catalogue(added.actions, find=str).match(text).argv


def read_example(page: str) -> str:
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return str(example)


def test_the_short_example_of_the_documents_needs_no_rights_that_a_job_cannot_gain(
    tmp_path: Path,
) -> None:
    argv = load(read_example("hosts.md"), tmp_path).match("restart nginx").argv
    assert (Path(argv[0]).name, *argv[1:]) == ("systemctl", "restart", "nginx")


def test_the_example_of_the_documents_can_be_used_as_it_is(tmp_path: Path) -> None:
    catalogue = load(read_example("host-actions.md"), tmp_path)
    assert catalogue.match("systemctl restart nginx").argv[1:] == ("restart", "nginx")
    assert catalogue.match("errors 5").is_read_only
    assert catalogue.match("lsof -i :80").argv

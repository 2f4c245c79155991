from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.stack import binaries
from deploy.stack.apt import AptFault

VERSIONED = "#!/bin/sh\necho 'prometheus, version {} (branch: x)'\n"


class FakeApt:
    """Packages that hold the programs they are asked for."""

    def __init__(self, contents: dict[str, dict[str, str]]) -> None:
        self.contents = contents
        self.asked: list[str] = []

    def unpack(self, package: str, target: Path) -> str:
        self.asked.append(package)
        if package not in self.contents:
            raise AptFault(f"there is no {package}")
        place = target / "usr" / "bin"
        place.mkdir(parents=True)
        for name, script in self.contents[package].items():
            write_program(place / name, script)
        return "1.2-3"


def write_program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)


def unpack(apt: FakeApt, name: str, shelf: Path) -> Path:
    return binaries.unpack_one(apt, name, shelf)  # type: ignore[arg-type]  # a fake


def test_a_program_is_unpacked_once_and_found_afterwards(tmp_path: Path) -> None:
    script = VERSIONED.format("2.42.0")
    apt = FakeApt({"prometheus": {"prometheus": script, "promtool": script}})
    path = unpack(apt, "prometheus", tmp_path)
    assert path == tmp_path / "prometheus" / "usr" / "bin" / "prometheus"
    assert unpack(apt, "promtool", tmp_path) == path.with_name("promtool")
    assert apt.asked == ["prometheus"]
    assert binaries.find_unpacked("promtool", tmp_path) == path.with_name("promtool")
    assert (tmp_path / "prometheus" / binaries.MARKER).read_text() == "1.2-3\n"


def test_promtool_may_have_a_package_of_its_own(tmp_path: Path) -> None:
    script = VERSIONED.format("3.5.0")
    apt = FakeApt({"prometheus": {"prometheus": script}, "promtool": {"promtool": script}})
    assert unpack(apt, "promtool", tmp_path).parts[-4] == "promtool"


def test_a_half_unpacked_package_is_not_found_and_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "prometheus" / "usr" / "bin"
    place.mkdir(parents=True)
    write_program(place / "prometheus", "#!/bin/sh\nexit 1\n")
    assert binaries.find_unpacked("prometheus", tmp_path) is None
    apt = FakeApt({"prometheus": {"prometheus": VERSIONED.format("2.42.0")}})
    assert binaries.read_version(unpack(apt, "prometheus", tmp_path)) == (2, 42)


def test_a_packaged_program_that_is_too_old_is_refused_and_removed(tmp_path: Path) -> None:
    apt = FakeApt({"prometheus": {"prometheus": VERSIONED.format("2.24.1")}})
    with pytest.raises(AptFault, match=r"prometheus does not run here or is older than 2.42"):
        unpack(apt, "prometheus", tmp_path)
    assert binaries.find_unpacked("prometheus", tmp_path) is None


def test_a_failing_download_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(AptFault):
        unpack(FakeApt({}), "prometheus", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    def put(name: str, version: str) -> None:
        write_program(place / name, VERSIONED.format(version))

    return put


def test_the_machines_own_program_is_taken_under_either_name(
    on_path: Callable[[str, str], None], tmp_path: Path
) -> None:
    on_path("prometheus", "2.53.1")
    on_path("prometheus-alertmanager", "0.27.0")
    found = binaries.gather(("prometheus", "alertmanager"), root=tmp_path)
    assert found["prometheus"] == tmp_path / "bin" / "prometheus"
    assert found["alertmanager"].name == "prometheus-alertmanager"


def test_the_machines_own_program_is_left_when_it_is_too_old(
    on_path: Callable[[str, str], None],
) -> None:
    on_path("prometheus", "2.24.1")
    assert binaries.find_on_path("prometheus") is None


def test_without_packages_one_sentence_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(binaries.ProgramMissing) as caught:
        binaries.locate("prometheus", generation="stable", root=tmp_path)
    assert "no apt-get" in str(caught.value)
    assert "stand on PATH" in str(caught.value)


def test_an_unknown_generation_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stable, current"):
        binaries.locate("prometheus", generation="nightly", root=tmp_path)

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.stack.relocation import BUILT_IN, THROUGH_DESCRIPTOR, relocate


@pytest.fixture
def package(tmp_path: Path) -> Path:
    place = tmp_path / "usr" / "bin"
    place.mkdir(parents=True)
    share = tmp_path / "usr" / "share" / "prometheus"
    share.mkdir(parents=True)
    (share / "default.tmpl").write_text("found\n")
    program = place / "prometheus-alertmanager"
    program.write_text('#!/bin/sh\necho "$1"\ncat /usr/share/prometheus/default.tmpl\n')
    program.chmod(0o755)
    (place / "amtool").write_text("#!/bin/sh\n")
    return tmp_path


def test_the_path_keeps_its_length() -> None:
    assert len(BUILT_IN) == len(THROUGH_DESCRIPTOR)


def test_a_program_finds_its_files_beside_itself_from_any_folder(package: Path) -> None:
    relocate(package)
    moved = package.rename(package.parent / "moved")
    command = [str(moved / "usr" / "bin" / "prometheus-alertmanager"), "a word"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    assert done.stdout == "a word\nfound\n"


def test_a_program_without_the_path_inside_stays_as_it_is(package: Path) -> None:
    relocate(package)
    assert (package / "usr" / "bin" / "amtool").read_text() == "#!/bin/sh\n"
    assert not (package / "usr" / "libexec" / "amtool").exists()

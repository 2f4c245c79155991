from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stack import apt

DEB822 = """\
Types: deb
# a remark
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb-src
URIs: http://archive.example/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://archive.example/off
Suites: bookworm
Components: main
"""
LINES = """\
# deb http://archive.example/old bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://archive.example/debian bookworm main contrib # ours
deb-src http://archive.example/debian bookworm main
deb https://packages.example/cloud cloud-sdk-bookworm main
"""


def test_both_forms_of_sources_are_read() -> None:
    first, second = apt.parse_paragraphs(DEB822)
    assert first.suites == ("bookworm", "bookworm-updates")
    assert first.options == {"Signed-By": "/usr/share/keyrings/archive.gpg"}
    assert "END PGP" in second.options["Signed-By"]
    line, foreign = apt.parse_lines(LINES)
    assert line.components == "main contrib"
    assert line.options == {"Architectures": "amd64", "Signed-By": "/k.gpg"}
    assert foreign.suites == ("cloud-sdk-bookworm",)


def test_only_the_distributions_own_archives_are_asked() -> None:
    chosen = apt.choose_sources(apt.parse_lines(LINES), codename="bookworm", suite=None)
    assert [source.uris for source in chosen] == ["http://archive.example/debian"]


def test_the_newer_generation_is_the_main_archive_under_another_suite() -> None:
    chosen = apt.choose_sources(apt.parse_paragraphs(DEB822), codename="bookworm", suite="forky")
    assert [source.suites for source in chosen] == [("forky",)]
    assert "Suites: forky\n" in chosen[0].render()


def test_a_written_paragraph_reads_as_it_was() -> None:
    for source in apt.parse_paragraphs(DEB822):
        assert apt.parse_paragraphs(source.render()) == [source]


def test_sources_come_from_both_places_and_nothing_else(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(LINES)
    (parts / "debian.sources").write_text(DEB822)
    (parts / "vendor.list.disabled").write_text("deb http://x bookworm main")
    assert len(apt.read_sources(tmp_path)) == 4


def test_the_release_names_its_code_word() -> None:
    assert apt.parse_release('ID=debian\nVERSION_CODENAME="bookworm"\n') == ("debian", "bookworm")


def test_a_failing_apt_is_one_sentence() -> None:
    with pytest.raises(apt.AptFault, match="false failed: no reason given"):
        apt.call(["false"])
    command = ["sh", "-c", "echo 'W: old'; echo 'E: Could not resolve host' >&2; exit 100"]
    with pytest.raises(apt.AptFault, match="sh failed: Could not resolve host"):
        apt.call(command)

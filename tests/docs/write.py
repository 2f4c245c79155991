"""Write the parts of the manual that the code dictates: `python -m tests.docs.write`."""

from __future__ import annotations

from tests.docs.project import ROOT, list_files
from tests.docs.tables import put_parts


def main() -> None:
    """Bring every page up to date, and name those that were not."""
    for name in sorted(list_files()):
        if name.endswith(".md"):
            path = ROOT / name
            before = path.read_text(encoding="utf-8")
            after = put_parts(before)
            if after != before:
                path.write_text(after, encoding="utf-8")
                print(name)  # noqa: T201  what it is for


if __name__ == "__main__":
    main()

"""`python -m deploy.stack`, which start.sh runs."""

from __future__ import annotations

import sys

from deploy.stack.cli import main

if __name__ == "__main__":
    sys.exit(main())

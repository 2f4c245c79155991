"""What can be done at the console beside a running bridge, or before it ever ran.

Whoever may read the state folder may use it: it needs no role, and says so in the audit.
"""

from __future__ import annotations

"""What is refused at the door: request bodies, types, keyboards and pictures, as pure rules."""

from __future__ import annotations

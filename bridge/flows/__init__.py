"""The stories. Each file is a verb phrase and its one public function has the file's name."""

from __future__ import annotations

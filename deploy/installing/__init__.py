"""Opswire as services of a machine: laid out by `deploy/install.sh`, taken away again.

Standard library only: it runs before any package is there.
"""

"""`python -m ctr_k8s`."""

from __future__ import annotations

from ctr_k8s.cli import main

main()

"""`python -m ctr_monitor`."""

from ctr_monitor.cli import main

main()

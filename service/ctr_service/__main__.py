"""`python -m ctr_service`."""

from ctr_service.cli import main

main()

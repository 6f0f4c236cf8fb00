"""`python -m ctr_client`."""

from ctr_client.cli import main

main()

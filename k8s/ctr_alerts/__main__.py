"""`python -m ctr_alerts`."""

from ctr_alerts.cli import main

if __name__ == "__main__":
    main()

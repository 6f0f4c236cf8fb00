"""`python -m ctr_observe`: what `make observe` runs."""

from ctr_observe.cli import main

if __name__ == "__main__":
    main()

"""Run the demo: `python -m ctr_demo`."""

from ctr_demo.cli import main

if __name__ == "__main__":
    main()

"""Run the benches: `python -m ctr_bench`."""

from ctr_bench.cli import main

if __name__ == "__main__":
    main()

"""`python -m tests.support.scripted_worker FD`: a worker whose every batch takes 0.3 s."""

from __future__ import annotations

import sys

from ctr_service.outside import Outside
from ctr_service.workers.worker import main
from tests.support.scripted_gateway import open_scripted

if __name__ == "__main__":
    sys.exit(main(Outside(open_engine=open_scripted)))

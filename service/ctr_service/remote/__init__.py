"""A cache outside the process that may be slow, wrong or gone, and never fails a request."""

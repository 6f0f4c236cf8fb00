"""Model repositories that Triton loads as they are, and their check. See docs/gpu.md."""

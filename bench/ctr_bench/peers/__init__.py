"""`ctr-bench peers`: other servers on the same graph, under the same load as the gateway."""

"""One file a protocol: how a search becomes bytes, how they are sent, what an answer holds."""

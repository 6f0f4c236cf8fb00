"""Cutting a checkpoint's vocabulary to the word pieces that a log uses, before it is exported."""

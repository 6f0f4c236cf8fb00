"""The embedded store: SQLite, one writer, nothing lost at a restart."""

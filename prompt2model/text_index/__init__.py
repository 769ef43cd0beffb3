"""Finding texts: BM25 over SQLite FTS5, and near duplicates."""

"""Bulk API 2.0 ingest without its HTTP: reading an upload, working it off in chunks, and the three result files."""

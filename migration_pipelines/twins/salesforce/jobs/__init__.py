"""Bulk API 2.0 jobs: their lifecycle, what a client may say when it makes one, and the jobs that query."""

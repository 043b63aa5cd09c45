"""Twins: local HTTP servers that behave as the vendors' APIs are documented to. They know nothing of our loader."""

"""Moves a company from one CRM to another: planned, written exactly once, read back, and reversible."""

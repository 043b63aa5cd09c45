"""Benchmarks: `make bench`. Each prints a table; none is a test, since machines differ and are shared."""

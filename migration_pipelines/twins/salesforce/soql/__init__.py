"""SOQL: text -> tokens -> tree -> one SQLite statement -> records.

`parser` knows the grammar and no names, `names` and `conditions` know the org's objects and fields, `compiler` puts
a statement together, `shape` turns its rows into records. Values reach SQLite only as bound parameters; identifiers
only as the catalogue spells them.
"""

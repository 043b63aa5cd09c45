"""SOQL: text -> tokens -> tree -> one SQLite statement -> records.

`parser` knows the grammar and no names, `names` and `conditions` know the org's objects and fields, `compiler` puts
a statement together, `shape` and `cells` make the SQL that renders its rows as JSON and as CSV. Values reach SQLite as
bound parameters, text of the catalogue and of the answer's frame as literals; identifiers only as the catalogue spells
them.
"""

from dataclasses import replace
from migration_pipelines_tests.ledger.conftest import *
def test_zz(desk):
    desk.plan(planned("1", references=[("created_by", COMPANIES, "X")]))
    (e,) = desk.send()
    e = replace(e, references=tuple(r for r in e.references if r[3] is not None))
    desk.settle(desk.prepare([e]), "created")
    print(list(desk.partition.proof.written(CONTACTS, only_unverified=True)))

"""The ledger: PostgreSQL's record of what became of every source record. The only place that speaks SQL."""

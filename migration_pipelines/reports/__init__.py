"""Documents from ledger and mapping: what a stage returned in, text out."""

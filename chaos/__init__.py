"""Long proofs: a whole small migration, broken in every way we know, must end as if nothing had happened."""

"""Assessment: what the measures mean for a place. Selects, combines, ranks and words; computes no new estimate."""

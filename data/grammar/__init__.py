"""A small Korean-English grammar: one abstract sentence plan, two independent realisations."""

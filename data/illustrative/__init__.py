"""The two illustrative places: made from a seed and from published district totals, with their truth kept.

`python data/illustrative` writes the folders data/brighton-and-hove and data/tower-hamlets, and the truth that
tests compare estimates with. Nobody in them exists. What a place is like is declared in tables beside this file:
margins.csv (published totals), groups.csv (who tends to be what), questions.toml (the survey), indicators.csv (levels
and patterns) and <slug>.toml (the place, its agencies and their files).
"""

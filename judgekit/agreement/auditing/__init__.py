"""Everything about one judge at once: what `agree` computes and `report` shows.

`data` joins verdicts and labels by unit, `parts` has the pieces (each takes one judge on one criterion and
gives estimates, or says why not), `systems` the pieces about systems and panels, `headline` which
coefficient stands on top, `records` what comes out, `audit` puts them together.
"""

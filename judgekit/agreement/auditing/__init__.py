"""Everything about one judge at once: what `agree` computes and `report` shows.

`data` joins verdicts and labels by unit; `section` says what a section of an audit is, `sections` has them, a
module each: what it computes, its table, its figure and its words; `headline` chooses what to show first;
`records` is what comes out, `wording` tells it in words, `audit` puts it together.
"""

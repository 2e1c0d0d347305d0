"""Everything about one judge at once: what `agree` computes and `report` shows.

`data` joins verdicts and labels by unit; `section` says what a section of an audit is, `sections` has them:
what each computes, its table, figure and words; `records` is what comes out, `audit` puts it together.
"""

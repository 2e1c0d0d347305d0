"""Models of how scores come about: whose part is the item's, the rater's, the wording's?

`icc` has the intraclass correlations, `reml` variance components of any design, `gstudy` the components of
a generalizability study, `dstudy` how reliable other designs would be and where a run's scores vary,
`designs` how far they would agree with people,
`rasch` the severity of raters, `bland` the limits of agreement of two methods.
"""

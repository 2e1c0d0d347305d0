"""Agreement beyond chance: kappa and its relations.

`coefficients` has the public functions, from ratings to an estimate with an interval; `chance` the values and
their standard errors, `profile` agreement label by label and within steps of a scale.
"""

"""What every statistic is made of; nothing here knows a coefficient.

`ratings` holds raters' labels as codes on a declared scale, `arrays` the checks of plain columns, `weights`
how near two labels are, `estimate` the ways to say a value, `intervals` intervals from a standard error or a
count, `resample` bootstrap and jackknife over units and clusters, `regress` least squares and logistic
regression with robust errors, `multiplicity` p-values of many tests.
"""

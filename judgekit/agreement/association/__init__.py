"""Do two raters order the same units alike? Correlations, pairs, and two judges beside each other.

`correlation` has the rank coefficients with ties and their intervals, `groupings` correlations of items
within systems and of systems, `pairwise_accuracy` the share of pairs ordered as people order them (with
ties, and softly), `comparing` the tests that two judges of the same units do not differ.
"""

"""Levels and coefficients from few labels, and how many labels it takes.

`ppi` corrects a judge's mean over everything by labelled units, `active` weighs units that were drawn with
unequal chances (and draws them), `rogan_gladen` corrects a rate by sensitivity and specificity, `planning`
says how many are needed and has the intervals that may be looked at after every label.
"""

"""Figures that published benchmarks report, under their own names.

`arena` compares an order of systems with a benchmark's, `overlap` two rankings from their tops (RBO),
`rankings` ratings with rankings and raters' orders with each other, `sas` graders of steps (SAS-Bench).
"""

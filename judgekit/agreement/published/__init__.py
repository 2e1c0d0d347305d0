"""Figures that published benchmarks report, under their own names.

`arena` compares an order of systems with a benchmark's, `rankings` ratings with rankings, raters' orders with
each other and two rankings from their tops (RBO), `sas` graders of steps (SAS-Bench).
"""

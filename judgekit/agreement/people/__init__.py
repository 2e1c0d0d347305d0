"""The judge beside people: how well people agree, and whether the judge may take a place among them.

`panel` says what the other people said of a unit, `ceiling` how well one person agrees with them and what
becomes of the panel's alpha with the judge in it, `alt_test` the alternative annotator test.
"""

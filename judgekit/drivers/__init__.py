"""Drivers beside our own loop: the same jobs on other people's machinery, into ledgers like any other."""

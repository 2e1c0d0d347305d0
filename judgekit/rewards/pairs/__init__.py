"""Pairs for preference training, and the files that trainers read them from."""

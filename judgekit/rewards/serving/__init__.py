"""Rewards over HTTP: what a body wants, groups put together again, batches, answers."""

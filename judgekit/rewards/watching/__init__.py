"""Rewards while a policy is trained: a hidden judge, probes, and the numbers that go into logs."""

"""Rewards for RL: scores in the form a trainer takes, and never a failure turned into a number."""

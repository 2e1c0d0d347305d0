"""Probes whose change a writer writes: paraphrases, corruptions, a criterion that is made to fail."""

from judgekit.probes.records import Probe

WRITTEN: tuple[Probe, ...] = ()

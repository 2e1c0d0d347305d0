"""Probes whose responses try to put a verdict into the mouth of the judge."""

from judgekit.probes.records import Probe

ATTACKS: tuple[Probe, ...] = ()

"""Probes that read a judge against itself: what it says beside what it gives."""

from judgekit.probes.records import Probe

WORD: tuple[Probe, ...] = ()

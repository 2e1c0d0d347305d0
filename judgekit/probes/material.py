"""Probes that change what a response is judged by: the reference, the sources, the framing, the people."""

from judgekit.probes.records import Probe

MATERIAL: tuple[Probe, ...] = ()

"""Probes that change how an item is asked: the order, the wording, the batch, the scale, the protocol."""

from judgekit.probes.records import Probe

ASKING: tuple[Probe, ...] = ()

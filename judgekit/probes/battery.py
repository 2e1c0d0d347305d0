"""The probes that every judge is put to, by what they change."""

from judgekit.probes.records import Probe
from judgekit.probes.response import RESPONSE

BATTERY: tuple[Probe, ...] = (*RESPONSE,)
"""All probes of the house, in the order they are shown in."""

"""The probes that every judge is put to, by what they change."""

from judgekit.probes.asking import ASKING
from judgekit.probes.attacks import ATTACKS
from judgekit.probes.material import MATERIAL
from judgekit.probes.planted import PLANTED
from judgekit.probes.records import Probe
from judgekit.probes.response import RESPONSE
from judgekit.probes.word import WORD
from judgekit.probes.writers import WRITTEN

BATTERY: tuple[Probe, ...] = (*ASKING, *RESPONSE, *MATERIAL, *ATTACKS, *PLANTED, *WRITTEN, *WORD)
"""All probes of the house, in the order they are shown in."""

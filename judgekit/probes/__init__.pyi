from judgekit.probes.battery import BATTERY as BATTERY
from judgekit.probes.records import Changed as Changed
from judgekit.probes.records import Probe as Probe
from judgekit.probes.records import Shift as Shift
from judgekit.probes.records import asked_with as asked_with
from judgekit.probes.records import on_response as on_response
from judgekit.probes.results import ProbeRun as ProbeRun
from judgekit.probes.walk import written as written

"""Reading the rubrics that people already have, in the formats of other projects.

Each reader is a plain function from what a file holds to rubrics, together with notes on what it
could not carry over. A rubric read here scores as it did there: points stay points, a scale's
values stay its values, and the rule is the one that gives the same number.
"""

from judgekit.rubric.foreign.autorubric import autorubric
from judgekit.rubric.foreign.geval import geval
from judgekit.rubric.foreign.healthbench import healthbench
from judgekit.rubric.foreign.prometheus import prometheus
from judgekit.rubric.foreign.read import FORMATS, Imported, guess, import_rubric
from judgekit.rubric.foreign.verifiers import verifiers

__all__ = [
    "FORMATS",
    "Imported",
    "autorubric",
    "geval",
    "guess",
    "healthbench",
    "import_rubric",
    "prometheus",
    "verifiers",
]

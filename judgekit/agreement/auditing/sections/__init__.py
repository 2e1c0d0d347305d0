"""The sections of an audit, in the order in which a report shows them: one line each."""

from judgekit.agreement.auditing.section import Section
from judgekit.agreement.auditing.sections import agreement, beside, favours, looks, parts, scores, sureness

SECTIONS: tuple[Section, ...] = (
    agreement.SECTION, scores.SCORES, sureness.SURENESS, favours.LENGTH, parts.SYSTEMS, parts.SLICES,
    favours.ORDER, beside.PANEL, scores.SEVERITY, beside.PEOPLE, beside.CONTROLS, sureness.REPEATS,
    looks.LOOKS, favours.FAMILY, parts.POPULATIONS,
)  # fmt: skip

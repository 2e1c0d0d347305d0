"""The sections of an audit, in the order in which a report shows them: one module and one line each."""

from judgekit.agreement.auditing.section import Section
from judgekit.agreement.auditing.sections import (
    agreement,
    controls,
    family,
    lengths,
    orders,
    panel,
    people,
    populations,
    repeats,
    scores,
    severity,
    slices,
    sureness,
    systems,
)

SECTIONS: tuple[Section, ...] = (
    agreement.SECTION,
    scores.SECTION,
    sureness.SECTION,
    lengths.SECTION,
    systems.SECTION,
    slices.SECTION,
    orders.SECTION,
    panel.SECTION,
    severity.SECTION,
    people.SECTION,
    controls.SECTION,
    repeats.SECTION,
    family.SECTION,
    populations.SECTION,
)

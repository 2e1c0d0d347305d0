"""Arrays of ratings -> estimates with intervals: do raters say the same beyond chance?

The public statistics by name, loaded when they are first used: `jk.agreement.kappa(rows, scale=...)`. Each
takes plain arrays or frames of shape (n_units, n_raters), or columns, and gives an `Estimate`, or a record
of several. `audit` takes everything at once.

Said once for all of them: `level` is the confidence of an interval, `seed` and `b` are of its resamples
(`Drawn`), `clusters` (n_units,) say what each unit belongs to, an item or a prompt, since whole clusters are
what is independent; raw labels come with their declared `scale`. A malformed argument, such as a wrong
shape, infinity or a number off its range, is an `InputError`; data that allow no value are none, and give an
estimate whose status says why.

The rooms, each looking only at those before it: `core` (ratings, estimates, intervals, resampling), `chance`
(kappa and its relations), `association` (correlations, pairs), `models` (variance components, severity),
`people` (the judge beside people), `sampling` (few labels), `probability` (calibration, thresholds),
`published` (benchmarks' own figures), `bias` (what else moves a judge), `auditing` (all of it at once).
`__init__.pyi` lists their names.
"""

from judgekit.face import lazily

__getattr__, __dir__ = lazily(__name__)

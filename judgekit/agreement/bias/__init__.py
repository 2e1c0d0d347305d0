"""What moves a judge besides the quality of the answer.

`order_effects` and `flips` ask whether a verdict follows the place or a change that should not matter;
`length_effects`, `self_preference`, `populations` and `slices` whose answers are favoured, or judged worse;
`signed_error`, `range_use`, `leniency` and `margins` how severe a judge is and which labels it uses;
`retest` whether it says the same again; `error_correlation` and `verdict_correlation` how many judges a
panel is worth, with and without labels.
"""

"""What moves a judge besides the quality of the answer.

`order_effects` asks whether a verdict follows the place, `repeats` whether it stays when asked again,
`favours`, `populations` and `slices` whose answers are favoured, or judged worse; `severity` and `range_use`
how severe a judge is and which labels it uses; `error_correlation` and `verdict_correlation` how many judges
a panel is worth, with and without labels.
"""

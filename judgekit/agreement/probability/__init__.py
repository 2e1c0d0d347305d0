"""Is a probability what it says, and when is a judge sure enough to be left alone?

`reliability` has the binned errors beside their null level and the isotonic diagram, `brier` proper scores
and recalibration, `selective` thresholds with a guarantee, `drawn` one for a whole cascade.
"""

"""Is a probability what it says, and when is a judge sure enough to be left alone?

`calibration_error` has the binned errors beside their null level, `corp` the isotonic reliability diagram,
`brier` proper scores and recalibration, `selective` thresholds with a guarantee.
"""

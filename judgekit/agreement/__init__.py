"""Arrays of ratings -> estimates with intervals: do raters say the same beyond chance?"""

"""Reading: what replies are read with, from the text to a label, and the bounds on it."""

"""What a reward is: responses made ready and checked, judged by a scheme, made a number or None."""

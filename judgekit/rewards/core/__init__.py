"""What a reward is: responses laid out and checked, judged by a scheme, made a number or None."""

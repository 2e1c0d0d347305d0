"""What moves a judge besides the quality of the answer: place, chance, length, family, severity."""

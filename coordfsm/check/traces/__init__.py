"""What was found, step by step: counterexamples, shortened, told, replayed, and walked through by hand."""

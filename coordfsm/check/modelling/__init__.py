"""What is explored: models, their parameters, whether they are well formed, and where they are found."""

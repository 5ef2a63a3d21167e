"""What is on disk: durable records, the mark of the last commit, and whether the files are still one's own."""

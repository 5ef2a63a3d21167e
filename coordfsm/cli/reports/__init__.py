"""What commands print: results for people, and JSON for scripts."""

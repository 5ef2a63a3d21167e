"""Words, tables and lines of text that commands and their reports share."""

"""Which members change together: condemnations, leaves and joins of one view, collected into one stable cut."""

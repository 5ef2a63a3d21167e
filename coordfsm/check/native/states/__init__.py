"""Packed global states: their layout, the visited set, saved searches, interchangeable nodes."""

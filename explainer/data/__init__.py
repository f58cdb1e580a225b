"""Data sets: read, checked, fetched once."""

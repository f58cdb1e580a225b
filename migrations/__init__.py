"""Migrations of the database, applied by `flask db upgrade`."""

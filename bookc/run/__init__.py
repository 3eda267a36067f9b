"""Notebooks -> executed notebooks, the record; and whether the record is of today's code."""

"""bookc: compile a book of tagged Markdown into notebooks and an HTML book."""

__version__ = "0.1.0"

"""Markdown files -> a Book: its cells and its prose, with every reference resolved."""

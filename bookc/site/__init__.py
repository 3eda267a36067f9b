"""A book and its record -> the pages of a site, and the server that shows them to an author."""

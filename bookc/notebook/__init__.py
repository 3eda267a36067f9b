"""(Chapter, tab) -> one notebook; #@save code -> the modules of the library."""

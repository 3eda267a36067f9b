"""Code that the chapters mark with #@save: one module per framework, written by `bookc build lib`."""

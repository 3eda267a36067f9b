"""What helps an author: faults told, one tab made active, notebooks brought back to Markdown."""

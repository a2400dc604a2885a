"""Word alignments: links, their files, both directions together, and their error rate."""

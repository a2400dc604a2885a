"""Word alignments: links from attention, Pharaoh files, symmetrisation, alignment error rate."""

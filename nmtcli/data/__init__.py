"""From parallel text to batches: readers, filters, subword learning, encoding, batching."""

"""From rows to a checkpoint: masks, packing, training, scores. Knows rows and tokens, nothing of scenes."""

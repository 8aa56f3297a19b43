"""Training: data sets, recipe, and the loop, which is a stream of plain records."""

"""A network in the words of other programs."""

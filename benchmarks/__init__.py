"""What the analysis costs, against the tools people know, in one run on one machine."""

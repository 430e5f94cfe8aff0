"""Two containers side by side: of this machine, of captures, or one of each."""

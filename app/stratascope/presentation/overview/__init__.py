"""Lists, processes, who shares what, and two containers side by side: in words, for window and files alike."""

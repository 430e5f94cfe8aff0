"""What the program does, without Qt: inspect now, watch for changes."""

"""What can be copied from a part of the window: by its context menu, and by Ctrl+C while it has the keyboard."""

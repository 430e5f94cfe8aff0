"""The program with a window: start, one instance, notifications, Qt's own words."""

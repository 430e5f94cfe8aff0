"""What `report` and `check` print: the format, the file, the gate, and fleets."""

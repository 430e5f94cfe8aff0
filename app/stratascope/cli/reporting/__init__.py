"""What `report` and `check` print: in which format, into which file, and what beside the containers counts."""

"""What several layers read, weigh or say alike."""

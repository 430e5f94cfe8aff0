"""What several layers read, weigh or report in the same way."""

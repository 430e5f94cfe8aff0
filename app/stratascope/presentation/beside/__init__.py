"""What stands beside findings in a report: by what they are known again, a report before, and who accepts them."""

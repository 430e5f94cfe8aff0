"""What is done with a container every day: start, stop, restart and what that means; its log; a shell in it."""

"""What a container, sandbox or process can get at: judged from what the kernel shows, and told as rows."""

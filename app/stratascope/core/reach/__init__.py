"""What a container, sandbox or process can get at: the kinds of things, and a row's answer."""

"""What is kept on disk: settings and saved captures."""

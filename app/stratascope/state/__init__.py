"""Files kept on disk: settings, history, journal and captures."""

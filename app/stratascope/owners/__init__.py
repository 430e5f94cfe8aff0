"""Programs that own containers: the commands of Compose and systemd, and the files that they read."""

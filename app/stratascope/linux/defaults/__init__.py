"""What engines give a container where nothing is asked for, as measured, by the version that it was measured on."""

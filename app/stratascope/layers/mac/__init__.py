"""Layer 5: mandatory access control, AppArmor or SELinux."""

"""The page "Changes": what changed over all containers, who did it, and the way back."""

"""The observer: streams what the processes of one control group do, as lines of JSON."""

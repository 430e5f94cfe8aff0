"""What other tools read: SARIF, JUnit, GitLab's reports, Prometheus' text and NDJSON, one file a format, all pure.

Each takes the same `report_model.Report`, so that `report` and `check` write them alike, of one machine or of many.
"""

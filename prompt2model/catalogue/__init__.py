"""Cards of data sets and models, and the files that hold data: local folders, starter facts, the hub."""

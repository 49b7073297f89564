"""Looking at data and at the machine before training: pages, statistics, checks."""

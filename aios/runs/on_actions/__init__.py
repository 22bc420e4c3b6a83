"""What the workflow files of GitHub Actions are told by the company's own: schedules, keys, where aios is from."""

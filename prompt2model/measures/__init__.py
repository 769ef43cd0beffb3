"""What is measured of whatever answers: right or wrong, figures with intervals, agreement with itself, time."""

"""How sure a figure is: intervals of shares and of means, and comparisons row by row."""

"""One plot a function: values in, a matplotlib figure out; called inside `drawing.styled`."""

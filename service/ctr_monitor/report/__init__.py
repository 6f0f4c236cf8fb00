"""An incident as a person reads it: Markdown, plots, and the view that both pages share."""

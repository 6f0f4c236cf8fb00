"""From evidence to a ranked list of suspected causes. Pure."""

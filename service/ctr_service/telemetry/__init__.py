"""Names and instruments of everything that the gateway reports."""

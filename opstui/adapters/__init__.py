"""What lies outside: ticket systems, runtimes, runbooks, stores. A vendor's words end here."""

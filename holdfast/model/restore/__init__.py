"""Restoring a whole database: what is planned, what is compared afterwards, what a person must do then. Pure."""

"""Holdfast: backup of Azure SQL Database and Azure SQL Managed Instance."""

__version__ = "0.1.0"

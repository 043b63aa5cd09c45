"""Salesforce -> Kommo."""

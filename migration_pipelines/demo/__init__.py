"""The case study: a small company on Salesforce that moves to Kommo, generated, with what must come of it."""

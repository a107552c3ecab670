"""The words of the domain as types: contacts, what was read in them, and where they came from.

Imports no client library.
"""

"""The nouns: what each kind's resource is, as a frozen value, and the views that others see it through.

Modules are ordered: a noun's views may ask those of the modules it imports. Nothing here knows of rows, messages or
storage.
"""

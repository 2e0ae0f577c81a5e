"""The kinds: for each its rules, what the platform chooses for it, and how it becomes rows. Kinds never import each
other; they meet through views.
"""

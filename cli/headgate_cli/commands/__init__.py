"""The commands, one module each, or one for a group of them; what a module does on start-up all of them pay for.

Each has `register(app)`, which adds its command or group to the program.
"""

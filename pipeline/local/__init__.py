"""The embedded local stack: a broker and a warehouse from wheels, on loopback, without Docker.

`stack.LocalStack` starts all of it.  A development and test component: it has no accounts, no
encryption, and nothing in it listens beyond 127.0.0.1.
"""

"""What will run inside a worker process, apart from the library that starts it.

*Guarantees*: imports nothing, so that starting a worker costs no more than the interpreter itself.
*Does not know*: `yorch_async`, which may import this package, but never the other way round.
"""

__all__: tuple[str, ...] = ()

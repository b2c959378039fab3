"""Files, processes, progress and queues: what the operating system gives."""

"""The parts of `tests.llm_server`: knobs, what is replied, HTTP, and the service that joins them."""

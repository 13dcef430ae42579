"""The client libraries as learners meet them: thin, with the production libraries' names and errors.

Rules
- A client holds no state of the world. Each of its methods yields one request and returns the reply.
- What a method accepts, returns and raises is what `confluent_kafka.aio` and psycopg 3 accept, return and raise.
- What is not modelled is absent: an AttributeError is better than a method that lies.
"""

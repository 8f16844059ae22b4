"""What `make bench` measures: the gateway beside a plain relay, over one simulated Poe."""

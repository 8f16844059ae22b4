"""What is kept from one request for a later one."""

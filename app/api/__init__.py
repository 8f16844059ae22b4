"""The endpoints: one blueprint each, and what they share."""
